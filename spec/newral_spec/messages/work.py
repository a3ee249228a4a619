"""Between node and coordinator: work requests, leases and sealed results.

All three are NIP-44 encrypted between the two; what must be public is in the tags.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal

import msgspec

from newral_spec import limits
from newral_spec.canonical import NotCanonical, canonical_json
from newral_spec.event import Draft, Event
from newral_spec.keys import is_hex32
from newral_spec.kinds import Kind
from newral_spec.messages.fields import (
    BlobRef,
    Count,
    Hex32,
    InvalidMessage,
    Json,
    Name,
    Reason,
    UnixSeconds,
    Version,
    decode_content,
    encode_content,
    hex_tag,
    parse_decimal,
    require_kind,
)

COMMITMENT_DOMAIN: Final = b"newral/commitment/1"


class KernelOffer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kernel that a node can run: the identity is the hash of its source."""

    name: Name
    version: Version
    identity: Hex32


class Holding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A lease that the node has, and how far it is."""

    lease: Hex32
    state: Literal["queued", "started", "computed"]
    progress: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0


class Declined(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A lease that the node will not compute, and why."""

    lease: Hex32
    reason: Reason


class WorkRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a node has, wants and holds (kind 25990). It is the heartbeat too."""

    slots: Annotated[int, msgspec.Meta(ge=0, le=limits.SLOTS_MAX)]
    """How many more units the node takes now."""
    cores: Annotated[int, msgspec.Meta(ge=1, le=65536)]
    memory_bytes: Count
    """Memory that one unit may use."""
    kernels: Annotated[tuple[KernelOffer, ...], msgspec.Meta(max_length=256)]
    holding: Annotated[tuple[Holding, ...], msgspec.Meta(max_length=limits.LEASES_MAX)] = ()
    declined: Annotated[tuple[Declined, ...], msgspec.Meta(max_length=limits.LEASES_MAX)] = ()
    agent: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """Software and version, for people."""


class Lease(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One unit, lent to one node until a deadline.

    Exactly one of `spec` and `blob` is set: the unit's parameters, or the blob that has them as
    canonical JSON.
    """

    id: Hex32
    unit: Hex32
    job: Hex32
    fence: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    """Counts the leases of a unit: a result with another fence is not this lease's."""
    kernel: Name
    version: Version
    identity: Hex32
    cost_s: Annotated[float, msgspec.Meta(ge=0)]
    """Expected work in reference-core seconds."""
    deadline: UnixSeconds
    time_limit_s: Annotated[int, msgspec.Meta(ge=1)]
    memory_bytes_max: Count
    upload_bytes_max: Annotated[int, msgspec.Meta(ge=0, le=limits.BLOB_BYTES_MAX)]
    spec: Json | None = None
    blob: BlobRef | None = None


class LeaseOffer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Leases for a node (kind 25991), and those it should drop."""

    leases: Annotated[tuple[Lease, ...], msgspec.Meta(max_length=limits.LEASES_MAX)] = ()
    revoked: Annotated[tuple[Hex32, ...], msgspec.Meta(max_length=limits.LEASES_MAX)] = ()


class Commitment(msgspec.Struct, frozen=True, kw_only=True):
    """The public part of a sealed result: binds the provider before anybody else can copy it."""

    lease: Hex32
    unit: Hex32
    fence: int
    commitment: Hex32


class UnitResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The encrypted part of a sealed result.

    Exactly one of `result`, `blob` and `failed` is set. `nonce` opens the commitment.
    """

    lease: Hex32
    nonce: Hex32
    result: Json | None = None
    blob: BlobRef | None = None
    failed: Reason | None = None
    cpu_ms: Count = 0
    wall_ms: Count = 0


class SealedResults(msgspec.Struct, frozen=True, kw_only=True):
    """Several units' results in one event (kind 3990): commitments and contents in one order."""

    coordinator: Hex32
    expiration: int
    """NIP-40: relays may forget it after these Unix seconds."""
    commitments: tuple[Commitment, ...]
    results: tuple[UnitResult, ...]


class SealedContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The plaintext of a sealed result's content."""

    results: Annotated[
        tuple[UnitResult, ...], msgspec.Meta(min_length=1, max_length=limits.RESULTS_MAX)
    ]


def commit(provider: str, unit: str, nonce: str, result_sha256: str) -> str:
    """`sha256(domain ‖ provider ‖ unit ‖ nonce ‖ result_sha256)`; every part is 32 bytes in hex.

    A failed unit commits to the hash of its reason's UTF-8.
    """
    parts = b"".join(bytes.fromhex(part) for part in (provider, unit, nonce, result_sha256))
    return hashlib.sha256(COMMITMENT_DOMAIN + parts).hexdigest()


def result_sha256(result: UnitResult) -> str:
    """The hash that the commitment binds: of the canonical result, the blob, or the failure.

    Raises `InvalidMessage` with code `result` when the result has no canonical form.
    """
    if result.blob is not None:
        return result.blob.sha256
    if result.failed is not None:
        return hashlib.sha256(result.failed.encode()).hexdigest()
    try:
        return hashlib.sha256(canonical_json(result.result)).hexdigest()
    except NotCanonical as error:
        raise InvalidMessage("result", f"the result: {error}") from error


def encode_work_request(request: WorkRequest, coordinator: str) -> Draft:
    """Plaintext draft for `coordinator`: seal it next."""
    return Draft(
        kind=Kind.WORK_REQUEST, tags=(("p", coordinator),), content=encode_content(request)
    )


def decode_work_request(event: Event, plaintext: str) -> WorkRequest:
    """Parse a verified event's decrypted content. Raises `InvalidMessage`."""
    require_kind(event, Kind.WORK_REQUEST)
    return decode_content(plaintext, WorkRequest)


def encode_lease_offer(offer: LeaseOffer, provider: str) -> Draft:
    """Plaintext draft for `provider`: seal it next."""
    return Draft(kind=Kind.LEASE, tags=(("p", provider),), content=encode_content(offer))


def decode_lease_offer(event: Event, plaintext: str) -> LeaseOffer:
    """Parse a verified event's decrypted content. Raises `InvalidMessage` (`spec`, `content`)."""
    require_kind(event, Kind.LEASE)
    offer = decode_content(plaintext, LeaseOffer)
    for lease in offer.leases:
        if (lease.spec is None) == (lease.blob is None):
            raise InvalidMessage("spec", "a lease has either its unit's spec or a blob")
    return offer


def encode_sealed_results(sealed: SealedResults) -> Draft:
    """Plaintext draft: seal it to the coordinator next."""
    tags = (
        ("p", sealed.coordinator),
        ("expiration", str(sealed.expiration)),
        *(
            ("commitment", item.lease, item.unit, str(item.fence), item.commitment)
            for item in sealed.commitments
        ),
    )
    content = encode_content(SealedContent(results=sealed.results))
    return Draft(kind=Kind.SEALED_RESULT, tags=tags, content=content)


def decode_commitments(event: Event) -> tuple[Commitment, ...]:
    """The public part of a verified event; an auditor needs no more. Raises `InvalidMessage`."""
    require_kind(event, Kind.SEALED_RESULT)
    found: list[Commitment] = []
    for tag in event.tags:
        if tag[0] != "commitment":
            continue
        if len(tag) != 5 or not all(is_hex32(tag[index]) for index in (1, 2, 4)):
            raise InvalidMessage(
                "commitment", "a commitment tag has lease, unit, fence and commitment"
            )
        fence = parse_decimal(tag[3], "fence")
        found.append(Commitment(lease=tag[1], unit=tag[2], fence=fence, commitment=tag[4]))
    if not 1 <= len(found) <= limits.RESULTS_MAX:
        raise InvalidMessage(
            "commitment", f"there must be between 1 and {limits.RESULTS_MAX} commitments"
        )
    return tuple(found)


def decode_sealed_results(event: Event, plaintext: str) -> SealedResults:
    """Parse a verified event and check each result against its commitment.

    Raises `InvalidMessage`; code `commitment` when a result does not open its commitment.
    """
    commitments = decode_commitments(event)
    content = decode_content(plaintext, SealedContent)
    if [item.lease for item in commitments] != [item.lease for item in content.results]:
        raise InvalidMessage("commitment", "commitments and results must name the same leases")
    for commitment, result in zip(commitments, content.results, strict=True):
        _check_result(event.pubkey, commitment, result)
    return SealedResults(
        coordinator=hex_tag(event, "p"),
        expiration=parse_decimal(event.first("expiration") or "0", "expiration"),
        commitments=commitments,
        results=content.results,
    )


def _check_result(provider: str, commitment: Commitment, result: UnitResult) -> None:
    if sum(part is not None for part in (result.result, result.blob, result.failed)) != 1:
        raise InvalidMessage("result", "exactly one of result, blob and failed must be there")
    opened = commit(provider, commitment.unit, result.nonce, result_sha256(result))
    if opened != commitment.commitment:
        raise InvalidMessage(
            "commitment", f"the result of lease {result.lease} does not open its commitment"
        )
