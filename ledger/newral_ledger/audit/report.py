"""What an audit says."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Code(StrEnum):
    """Every way in which a trail can contradict itself, its evidence or the rules."""

    ENTRY_MALFORMED = "entry_malformed"
    POLICY_MISSING = "policy_missing"
    POLICY_FOREIGN = "policy_foreign"

    CHECKPOINT_MISSING = "checkpoint_missing"
    CHECKPOINT_INVALID = "checkpoint_invalid"
    CHECKPOINT_BEYOND_LOG = "checkpoint_beyond_log"
    CHECKPOINT_ROOT_WRONG = "checkpoint_root_wrong"
    CHECKPOINT_CHAIN_BROKEN = "checkpoint_chain_broken"
    EQUIVOCATION = "equivocation"

    JOB_REPEATED = "job_repeated"
    REQUEST_UNPROVEN = "request_unproven"
    BUDGET_EXCEEDS_BID = "budget_exceeds_bid"
    JOB_END_WRONG = "job_end_wrong"

    LEASE_ID_WRONG = "lease_id_wrong"
    LEASE_FENCE_WRONG = "lease_fence_wrong"
    LEASE_UNIT_CHANGED = "lease_unit_changed"
    LEASE_WITHOUT_JOB = "lease_without_job"
    LEASE_AFTER_END = "lease_after_end"

    COMMITMENT_WITHOUT_LEASE = "commitment_without_lease"
    COMMITMENT_REPEATED = "commitment_repeated"
    COMMITMENT_UNPROVEN = "commitment_unproven"
    DOUBLE_VOTE = "double_vote"

    VERDICT_REPEATED = "verdict_repeated"
    VERDICT_WITHOUT_LEASE = "verdict_without_lease"
    VERDICT_WITHOUT_COMMITMENT = "verdict_without_commitment"
    REVEAL_WRONG = "reveal_wrong"
    CREDITS_WRONG = "credits_wrong"
    VERDICT_AFTER_END = "verdict_after_end"
    VERDICT_MISSING = "verdict_missing"
    RESULTS_DISAGREE = "results_disagree"
    QUORUM_NOT_REACHED = "quorum_not_reached"

    TRANSFER_REFUSED = "transfer_refused"
    TRANSFER_UNFOUNDED = "transfer_unfounded"
    TRANSFER_WRONG = "transfer_wrong"
    TRANSFER_MISSING = "transfer_missing"
    REFUND_INCOMPLETE = "refund_incomplete"

    RECEIPT_INVALID = "receipt_invalid"
    RECEIPT_WRONG = "receipt_wrong"
    RECEIPT_BEYOND_LOG = "receipt_beyond_log"
    RECEIPT_MISSING = "receipt_missing"

    BALANCE_WRONG = "balance_wrong"
    BALANCES_BEYOND_LOG = "balances_beyond_log"


class NoteCode(StrEnum):
    """What an auditor should know that contradicts nothing."""

    UNCOVERED = "uncovered"
    """Entries after the newest checkpoint: a live log has them, nobody has signed them yet."""
    CHECKPOINT_GAP = "checkpoint_gap"
    """A checkpoint names one before it that was not found: relays forget."""
    RECEIPT_AHEAD = "receipt_ahead"
    """A receipt for an entry that came after what was obtained of the log."""
    ESCROW_LEFT = "escrow_left"
    """A job has ended, and its escrow is not empty."""


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """One contradiction. `subject` is an id or an account, `position` an index in the log."""

    code: Code
    message: str
    subject: str | None = None
    position: int | None = None
    event: str | None = None


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """One remark."""

    code: NoteCode
    message: str
    subject: str | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much was looked at."""

    entries: int
    jobs: int
    units: int
    leases: int
    verdicts: int
    transfers: int
    checkpoints: int
    receipts: int
    events: int
    """Requests and sealed results that the log rests on."""
    signatures: int
    """Signatures that were verified and found good."""


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of an audit."""

    coordinator: str
    counts: Counts
    balances: dict[str, int]
    """Micro-credits by account, recomputed from the transfers that the rules allow."""
    differences: tuple[Difference, ...]
    notes: tuple[Note, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing contradicts anything."""
        return not self.differences

    def to_json(self) -> bytes:
        """The report as a JSON object, `clean` included."""
        return msgspec.json.encode({"clean": self.clean, **msgspec.structs.asdict(self)})
