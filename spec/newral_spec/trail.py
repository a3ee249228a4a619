"""The trail: what the coordinator's append-only log says, entry by entry.

An entry's bytes are its canonical JSON; its RFC 6962 leaf hash is `sha256(0x00 ‖ bytes)`.
Amounts are micro-credits, times are Unix seconds of the coordinator's clock, everything else is
hexadecimal. An auditor needs nothing but these entries, the events they name and the checkpoints.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal

import msgspec

from newral_spec import limits
from newral_spec.messages.fields import Hex32, Microcredits, Name, Reason, UnixSeconds
from newral_spec.messages.receipt import Outcome

JobEnd = Literal["completed", "failed", "cancelled", "expired"]

TransferReason = Literal["grant", "escrow", "work", "refund"]
"""Why money moves: issuance to a new requester, a job's budget into escrow, pay for an accepted
unit, the rest of the budget back."""


class _Entry(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="type",
):
    at: UnixSeconds


class PolicySet(_Entry, frozen=True, tag="policy"):
    """The rules in force from here on; the first entry of every log."""

    coordinator: Hex32
    price: Microcredits
    """Micro-credits for one reference-core second."""
    quorum: Annotated[int, msgspec.Meta(ge=1, le=16)]
    grant: Microcredits


class JobAccepted(_Entry, frozen=True, tag="job-accepted"):
    """A job was taken and its budget put into escrow."""

    job: Hex32
    """The id by which everything else names the job: that of the event that asked for it."""
    request: Hex32
    """The event signed by the requester: the job itself, or the seal of a private message."""
    requester: Hex32
    workflow_sha256: Hex32
    """Of the canonical JSON of the stages."""
    budget: Microcredits


class JobEnded(_Entry, frozen=True, tag="job-ended"):
    """A job reached its end; `output_sha256` names the output blob of a completed one.

    A private job's is left out: whoever knows a blob's hash may fetch it.
    """

    job: Hex32
    state: JobEnd
    output_sha256: Hex32 | None = None
    reason: Reason = ""


class LeaseGranted(_Entry, frozen=True, tag="lease"):
    """A unit was lent to a provider, and its price reserved from the job's escrow."""

    lease: Hex32
    unit: Hex32
    unit_sha256: Hex32
    """Of kernel, version and parameters: equal work has an equal hash whatever job it is in."""
    job: Hex32
    stage: Name
    kernel: Name
    version: str
    provider: Hex32
    fence: Annotated[int, msgspec.Meta(ge=1)]
    price: Microcredits


class CommitmentReceived(_Entry, frozen=True, tag="commitment"):
    """A provider bound itself to a result by a signed event."""

    lease: Hex32
    unit: Hex32
    provider: Hex32
    commitment: Hex32
    event: Hex32


class VerdictGiven(_Entry, frozen=True, tag="verdict"):
    """A result was judged. The reveal opens the commitment of the same lease."""

    lease: Hex32
    unit: Hex32
    job: Hex32
    provider: Hex32
    outcome: Outcome
    reason: Reason
    nonce: Hex32
    result_sha256: Hex32
    credits: Microcredits


class TransferPosted(_Entry, frozen=True, tag="transfer"):
    """Money moved from one account to another, for good."""

    id: Hex32
    debit: str
    credit: str
    amount: Annotated[int, msgspec.Meta(ge=1, le=limits.BID_MICROCREDITS_MAX)]
    reason: TransferReason
    job: Hex32 | None = None
    lease: Hex32 | None = None


Entry = (
    PolicySet
    | JobAccepted
    | JobEnded
    | LeaseGranted
    | CommitmentReceived
    | VerdictGiven
    | TransferPosted
)

ISSUANCE: Final = "issuance"
"""The account that credits come from: the only one whose balance is ever below zero."""

_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final[msgspec.json.Decoder[Entry]] = msgspec.json.Decoder(Entry)


class InvalidEntry(ValueError):
    """The bytes are not a log entry in canonical form."""


def escrow_account(job: str) -> str:
    """The account that holds a job's budget while it runs."""
    return f"escrow:{job}"


def requester_account(public_key: str) -> str:
    """A requester's account."""
    return f"requester:{public_key}"


def provider_account(public_key: str) -> str:
    """A provider's account."""
    return f"provider:{public_key}"


def encode_entry(entry: Entry) -> bytes:
    """The entry's canonical bytes. Raises `InvalidEntry` when they are too many."""
    raw = _encoder.encode(entry)
    if len(raw) > limits.TRAIL_ENTRY_BYTES_MAX:
        raise InvalidEntry(f"an entry has at most {limits.TRAIL_ENTRY_BYTES_MAX} bytes")
    return raw


def decode_entry(raw: bytes) -> Entry:
    """Parse an entry and insist on its canonical form. Raises `InvalidEntry`."""
    try:
        entry = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidEntry(f"not a log entry: {error}") from error
    if _encoder.encode(entry) != raw:
        raise InvalidEntry("the entry is not in canonical form")
    return entry


def identifier(*parts: str | int) -> str:
    """`sha256` of the parts' UTF-8, each followed by a zero byte: an id of a lease, a unit, …"""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(str(part).encode() + b"\x00")
    return digest.hexdigest()


def unit_id(job: str, stage: str, index: int) -> str:
    """A unit is the `index`-th that its stage's plan yields, from 0."""
    return identifier("newral/unit/1", job, stage, index)


def lease_id(unit: str, fence: int) -> str:
    """A lease is the `fence`-th time that a unit was lent, from 1."""
    return identifier("newral/lease/1", unit, fence)


def transfer_id(reason: TransferReason, subject: str) -> str:
    """One transfer for each reason and subject, ever: replaying anything changes nothing.

    The subject is the lease for `work`, the job for `escrow` and `refund`, the requester for
    `grant`.
    """
    return identifier("newral/transfer/1", reason, subject)
