"""What becomes of a result that came back: pure decisions about one unit and its leases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from newral_coordinator.instructions import (
    GiveVerdict,
    Instruction,
    Pay,
    Put,
    Record,
    Release,
)
from newral_coordinator.model import LeaseRecord, Unit
from newral_coordinator.policy import Policy
from newral_coordinator.states import LeaseState, UnitState
from newral_coordinator.validation import Accept, GiveUp, Replica, Replicate, judge
from newral_kernels.kernel import Verdict
from newral_spec import limits
from newral_spec.canonical import canonical_json
from newral_spec.messages import BlobRef, Commitment, UnitResult
from newral_spec.messages.receipt import Outcome
from newral_spec.trail import CommitmentReceived, VerdictGiven

PROVED = 1.0
"""`LeaseRecord.covered` of a result that the kernel proved complete."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What to do about a unit. `hopeless`: why it, and so its job, can never be completed."""

    instructions: list[Instruction]
    hopeless: str | None = None


def refusal(lease: LeaseRecord, provider: str, commitment: Commitment) -> str | None:
    """Why a sealed result is not considered, or None when it is.

    The lease must be the provider's, with the same fence, and still open; the first commitment
    binds.
    """
    if lease.provider != provider:
        return "refused: the lease belongs to another provider"
    if lease.unit != commitment.unit or lease.fence != commitment.fence:
        return "refused: unit or fence is not the lease's"
    if lease.commitment is not None and lease.commitment != commitment.commitment:
        return "refused: another result was committed to before; the first commitment binds"
    if lease.state is LeaseState.EXPIRED:
        return "refused: the lease had ended"
    if lease.state is LeaseState.REFUSED:
        return "refused: the node had declined the lease"
    return None


def committed(
    lease: LeaseRecord, commitment: Commitment, result: UnitResult, result_sha256: str
) -> LeaseRecord:
    """The lease with what its provider has committed to. Its state is as it was."""
    return replace(
        lease,
        commitment=commitment.commitment,
        nonce=result.nonce,
        result_sha256=result_sha256,
    )


def seal(lease: LeaseRecord, event: str, now: int) -> tuple[LeaseRecord, list[Instruction]]:
    """Take note of the commitment: from here on the provider is bound, and owed a verdict."""
    sealed = lease.evolve(LeaseState.SEALED, f"committed to by event {event}")
    return sealed, [Put(sealed), Record(_commitment_entry(sealed, event, now))]


def refuse(lease: LeaseRecord, reason: str, event: str, now: int) -> list[Instruction]:
    """A result for a lease that had ended: on record, unpaid, and the provider is told."""
    return [
        Put(lease),
        Record(_commitment_entry(lease, event, now)),
        *verdict(lease, "refused", reason, pay=0, now=now),
    ]


def _commitment_entry(lease: LeaseRecord, event: str, now: int) -> CommitmentReceived:
    assert lease.commitment is not None
    return CommitmentReceived(
        at=now,
        lease=lease.id,
        unit=lease.unit,
        provider=lease.provider,
        commitment=lease.commitment,
        event=event,
    )


def judge_failed(
    unit: Unit, lease: LeaseRecord, reason: str, policy: Policy, now: int
) -> Judgement:
    """A provider could not compute the unit, or what it returned is refuted: let another try."""
    failed = lease.evolve(LeaseState.FAILED, reason)
    waiting = unit.evolve(UnitState.READY, reason, failures=unit.failures + 1)
    instructions: list[Instruction] = [
        Put(failed),
        Put(waiting),
        *verdict(failed, "rejected", reason, pay=0, now=now),
        Release(failed),
    ]
    if waiting.failures < policy.failures_max:
        return Judgement(instructions)
    where = f"unit {unit.position} of stage {unit.stage!r}"
    return Judgement(instructions, f"{where} failed {waiting.failures} times, at last: {reason}")


def judge_returned(
    unit: Unit, standing: Sequence[LeaseRecord], checked: Verdict, policy: Policy, now: int
) -> Judgement:
    """The kernel's check found nothing wrong with the newest result: is the unit decided?

    `standing` are the unit's sealed leases in the order of their fences, the newest last and with
    its `covered` set from `checked`. This is where a unit becomes accepted, or is lent again.
    """
    unit = unit.evolve(UnitState.RETURNED, f"lease {standing[-1].id} was sealed")
    replicas = [
        Replica(
            provider=lease.provider,
            result_sha256=lease.result_sha256 or "",
            proof=checked.why if lease.covered >= PROVED else None,
        )
        for lease in standing
    ]
    decision = judge(replicas, quorum=policy.quorum, replicas_max=policy.replicas_max)
    match decision:
        case Accept():
            return Judgement(_accept(unit, standing, decision, now))
        case Replicate():
            if decision.disputed:
                unit = unit.evolve(UnitState.DISPUTED, decision.reason)
            return Judgement(_lend_again(unit, standing[-1], decision.reason))
        case GiveUp():
            return Judgement(_lend_again(unit, standing[-1], decision.reason), decision.reason)


def _lend_again(unit: Unit, newest: LeaseRecord, reason: str) -> list[Instruction]:
    return [Put(newest), Put(unit.evolve(UnitState.READY, reason))]


def _accept(
    unit: Unit, standing: Sequence[LeaseRecord], decision: Accept, now: int
) -> list[Instruction]:
    accepted = unit.evolve(
        UnitState.ACCEPTED, decision.reason, result_sha256=decision.result_sha256
    )
    instructions: list[Instruction] = [Put(accepted)]
    for lease in standing:
        revealed = lease.evolve(LeaseState.REVEALED, decision.reason)
        instructions.append(Put(revealed))
        if lease.result_sha256 == decision.result_sha256:
            instructions += verdict(revealed, "accepted", decision.reason, pay=lease.price, now=now)
            instructions.append(Pay(revealed))
        else:
            reason = f"another result was accepted ({decision.reason})"
            instructions += verdict(revealed, "rejected", reason, pay=0, now=now)
            instructions.append(Release(revealed))
    return instructions


def settle_owed(lease: LeaseRecord, reason: str, now: int) -> list[Instruction]:
    """The job ended while this committed result waited: it is paid, and not part of the answer."""
    revealed = lease.evolve(LeaseState.REVEALED, reason)
    why = f"committed before the job ended: {reason}"
    return [
        Put(revealed),
        *verdict(revealed, "owed", why, pay=lease.price, now=now),
        Pay(revealed),
    ]


def end_lease(lease: LeaseRecord, state: LeaseState, reason: str) -> list[Instruction]:
    """A lease ends without a result: its price is free again."""
    return [Put(lease.evolve(state, reason)), Release(lease)]


def verdict(
    lease: LeaseRecord, outcome: Outcome, reason: str, *, pay: int, now: int
) -> list[Instruction]:
    """A verdict on a sealed lease, for the log and the receipt; `pay` is in micro-credits."""
    assert lease.commitment is not None
    assert lease.nonce is not None
    assert lease.result_sha256 is not None
    entry = VerdictGiven(
        at=now,
        lease=lease.id,
        unit=lease.unit,
        job=lease.job,
        provider=lease.provider,
        outcome=outcome,
        reason=reason[:1000],
        nonce=lease.nonce,
        result_sha256=lease.result_sha256,
        credits=pay,
    )
    return [GiveVerdict(entry, lease.commitment)]


def with_coverage(lease: LeaseRecord, checked: Verdict) -> LeaseRecord:
    """The lease with what the kernel's check could verify of its result."""
    return replace(lease, covered=PROVED if checked.proved else min(checked.covered, 0.999))


def with_result(lease: LeaseRecord, data: bytes) -> LeaseRecord:
    """The lease with its result's canonical JSON."""
    return replace(lease, result=data)


class Unacceptable(ValueError):
    """A result is not of a size, or in a place, where the protocol has it."""


def inline_bytes(result: UnitResult) -> bytes:
    """An inline result's canonical JSON. Raises `Unacceptable` when it had to be a blob."""
    data = canonical_json(result.result)
    most = limits.INLINE_RESULT_BYTES_MAX
    if len(data) > most:
        raise Unacceptable(f"it has {len(data)} bytes; above {most} it travels as a blob")
    return data


def check_blob(blob: BlobRef, size: int | None, policy: Policy) -> None:
    """Whether a result's blob may be read: `size` is what is stored. Raises `Unacceptable`."""
    if size is not None and size != blob.size:
        raise Unacceptable(f"its blob has {size} bytes, not {blob.size}")
    if blob.size > policy.upload_bytes_max:
        raise Unacceptable(f"its blob has {blob.size} bytes; the most is {policy.upload_bytes_max}")
