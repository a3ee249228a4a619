"""What decisions ask for. The executor carries them out in the transaction of the input."""

from __future__ import annotations

from dataclasses import dataclass

from newral_coordinator.model import Job, LeaseRecord, StageRun, Unit
from newral_spec.event import Draft
from newral_spec.trail import Entry, TransferReason, VerdictGiven


@dataclass(frozen=True, slots=True)
class Put:
    """Store a record as it now is."""

    record: Job | StageRun | Unit | LeaseRecord


@dataclass(frozen=True, slots=True)
class Record:
    """Append an entry to the log."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class GiveVerdict:
    """Append a verdict to the log and put it on the provider's next receipt."""

    verdict: VerdictGiven
    commitment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Post a transfer and append it to the log. `subject` makes its id, see `trail.transfer_id`."""

    reason: TransferReason
    subject: str
    debit: str
    credit: str
    amount: int
    job: str | None = None


@dataclass(frozen=True, slots=True)
class Reserve:
    """Reserve the lease's price in its job's escrow."""

    lease: LeaseRecord


@dataclass(frozen=True, slots=True)
class Pay:
    """Post what was reserved for the lease, and append the transfer to the log."""

    lease: LeaseRecord


@dataclass(frozen=True, slots=True)
class Release:
    """Give back what was reserved for the lease."""

    lease: LeaseRecord


@dataclass(frozen=True, slots=True)
class Refund:
    """Return what is left of the job's escrow to its requester."""

    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Sign a draft, encrypted to `seal_to` where given, and hand it to the outbox."""

    draft: Draft
    seal_to: str | None = None
    relays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage:
    """Answer a private message (NIP-17)."""

    recipient: str
    text: str
    reply_to: str | None = None


Instruction = (
    Put | Record | GiveVerdict | Transfer | Reserve | Pay | Release | Publish | SendMessage
)
