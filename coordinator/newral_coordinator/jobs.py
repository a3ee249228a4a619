"""From a request to an accepted job, and from there to its end: pure decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from newral_coordinator.instructions import Instruction, Put, Record, Transfer
from newral_coordinator.model import Job, LeaseRecord, StageRun, Unit
from newral_coordinator.policy import MICROCREDITS, Policy
from newral_coordinator.results import end_lease, settle_owed
from newral_coordinator.states import JobState, LeaseState, StageState, UnitState
from newral_kernels.command import parse_command
from newral_kernels.errors import KernelError
from newral_kernels.kernel import Kernel
from newral_spec import limits, trail
from newral_spec.canonical import json_hash
from newral_spec.event import Event
from newral_spec.messages import (
    InvalidMessage,
    JobRequest,
    Stage,
    check_workflow,
    topological_order,
)
from newral_spec.messages.job import SINGLE_STAGE
from newral_spec.trail import JobAccepted, JobEnd, JobEnded


class Refusal(Exception):
    """The request is refused: `code` for machines, the message for people.

    `underfunded` makes the feedback say `payment-required`.
    """

    def __init__(self, code: str, reason: str, *, underfunded: bool = False) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.underfunded = underfunded


class Kernels(Protocol):
    """Where kernels come from: `newral_kernels.registry`."""

    def get(self, name: str, version: str | None = None) -> Kernel:
        """Raises `KernelError` when there is none of that name and version."""

    def names(self) -> tuple[str, ...]:
        """All kernels' names."""

    def identity(self, kernel: Kernel) -> str:
        """The hash of a kernel's source, in hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """A requester's account: what it can spend, and whether it ever had a grant."""

    available: int
    granted: bool

    def most(self, bid: int | None, policy: Policy) -> int:
        """What its next job may cost, in micro-credits, if that job bids so much."""
        available = self.available + (0 if self.granted else policy.grant)
        return available if bid is None else min(bid, available)


def resolve(request: JobRequest, kernels: Kernels) -> tuple[Stage, ...]:
    """The request's stages in topological order, their parameters normalised by the kernels.

    Raises `Refusal`: `unknown_kernel`, `params`, `command`, and the codes of `check_workflow`.
    """
    try:
        stages = request.workflow
        if request.command is not None:
            name, params = parse_command(request.command)
            stages = (Stage(id=SINGLE_STAGE, kernel=name, params=params),)
        check_workflow(stages)
    except KernelError as error:
        raise Refusal("command", str(error)) from error
    except InvalidMessage as error:
        raise Refusal(error.code, str(error)) from error
    return tuple(_normalise(stage, kernels) for stage in topological_order(stages))


def _normalise(stage: Stage, kernels: Kernels) -> Stage:
    try:
        kernel = kernels.get(stage.kernel, stage.version)
    except KernelError as error:
        raise Refusal("unknown_kernel", str(error)) from error
    stage = msgspec.structs.replace(stage, version=kernel.version)
    try:
        if stage.foreach is None:
            return msgspec.structs.replace(stage, params=kernel.validate(stage.params))
        # Its items are known when the stage before has ended; the rest is checked now.
        kernel.validate({**stage.params, "items": []})
    except KernelError as error:
        raise Refusal("params", f"stage {stage.id!r}: {error}") from error
    return stage


def foreseeable_cost(stages: Sequence[Stage], kernels: Kernels, policy: Policy, most: int) -> float:
    """Reference-core seconds for computing once every unit that can be foreseen.

    An estimate may take long: stages after the one with which the price exceeds `most`
    micro-credits are not looked at.
    """
    cost_s = 0.0
    for stage in stages:
        if stage.foreach is None:
            cost_s += kernels.get(stage.kernel, stage.version).estimate(stage.params).cost_s
        if policy.unit_price(cost_s) > most:
            break
    return cost_s


def accept(
    request: JobRequest,
    event: Event,
    *,
    job_id: str,
    stages: tuple[Stage, ...],
    cost_s: float,
    funds: Funds,
    policy: Policy,
    now: int,
) -> tuple[Job, list[Instruction]]:
    """Take the job and put its budget into escrow. `event` is the one the requester signed.

    Raises `Refusal`: `deadline`, `bid_too_low`, `insufficient_funds`.
    """
    deadline = _deadline(request, policy, now)
    grant = 0 if funds.granted else policy.grant
    budget = _budget(request, cost_s, funds.available + grant, policy)
    job = Job(
        id=job_id,
        requester=event.pubkey,
        state=JobState.POSTED,
        form=request.form,
        encrypted=request.encrypted,
        workflow=stages,
        request_event=event.to_json().decode(),
        relays=request.relays,
        budget=budget,
        cost_s=cost_s,
        deadline=deadline,
        accepted_at=now,
    ).evolve(JobState.ACCEPTED, "its request is valid and funded")
    account = trail.requester_account(event.pubkey)
    instructions: list[Instruction] = []
    if grant:
        instructions.append(
            Transfer(
                reason="grant",
                subject=event.pubkey,
                debit=trail.ISSUANCE,
                credit=account,
                amount=grant,
            )
        )
    entry = JobAccepted(
        at=now,
        job=job.id,
        request=event.id,
        requester=job.requester,
        workflow_sha256=json_hash(msgspec.to_builtins(stages)),
        budget=budget,
    )
    escrow = Transfer(
        reason="escrow",
        subject=job.id,
        debit=account,
        credit=trail.escrow_account(job.id),
        amount=budget,
        job=job.id,
    )
    runs = [
        Put(StageRun(job=job.id, name=s.id, position=i, state=StageState.BLOCKED, definition=s))
        for i, s in enumerate(stages)
    ]
    return job, [*instructions, Put(job), *runs, Record(entry), escrow]


def _deadline(request: JobRequest, policy: Policy, now: int) -> int:
    latest = now + policy.job_seconds_max
    if request.deadline is None:
        return latest
    if request.deadline <= now:
        raise Refusal("deadline", "the deadline has passed")
    if request.deadline > now + limits.DEADLINE_S_MAX:
        raise Refusal("deadline", f"a deadline is at most {limits.DEADLINE_S_MAX} s away")
    return min(request.deadline, latest)


def _budget(request: JobRequest, cost_s: float, available: int, policy: Policy) -> int:
    least = policy.unit_price(cost_s)
    if request.bid is not None and request.bid < least:
        raise Refusal(
            "bid_too_low",
            f"the work is worth {credits_text(least)} credits or more even if each unit is computed"
            " once,"
            f" and the bid is {credits_text(request.bid)}",
            underfunded=True,
        )
    wanted = request.bid
    if wanted is None:
        # Without a bid, whatever the account has beyond the least is enough to try.
        wanted = max(least, min(available, policy.default_budget(cost_s)))
    if wanted > available:
        raise Refusal(
            "insufficient_funds",
            f"the job needs {credits_text(wanted)} credits in escrow and the account has"
            f" {credits_text(available)}",
            underfunded=True,
        )
    return wanted


def credits_text(amount: int) -> str:
    """Micro-credits as credits, for people."""
    return f"{amount / MICROCREDITS:,.6f}".rstrip("0").rstrip(".")


def end(
    job: Job,
    state: JobState,
    reason: str,
    *,
    open_units: Sequence[Unit],
    open_leases: Sequence[LeaseRecord],
    now: int,
    output: tuple[str, int] | None = None,
) -> tuple[Job, list[Instruction]]:
    """End the job: nothing more is lent, and what was committed to is paid. `settle` comes next.

    `open_units` are those not accepted, `open_leases` those offered, started or sealed. `output`
    is the hash and size of a completed job's output.
    """
    ended = job.evolve(
        state,
        reason,
        ended_at=now,
        reason=reason,
        output_sha256=output[0] if output else None,
        output_size=output[1] if output else None,
    )
    instructions: list[Instruction] = [Put(ended)]
    instructions.extend(Put(unit.evolve(UnitState.ABANDONED, reason)) for unit in open_units)
    for lease in open_leases:
        if lease.state is LeaseState.SEALED:
            instructions += settle_owed(lease, reason, now)
        else:
            instructions += end_lease(lease, LeaseState.EXPIRED, reason)
    return ended, instructions


def settle(job: Job, left: int, now: int) -> tuple[Job, list[Instruction]]:
    """Return what is left in the ended job's escrow, and say in the log that it has ended."""
    settled = replace(job, spent=job.budget - left)
    instructions: list[Instruction] = [Put(settled)]
    if left > 0:
        refund = Transfer(
            reason="refund",
            subject=job.id,
            debit=trail.escrow_account(job.id),
            credit=trail.requester_account(job.requester),
            amount=left,
            job=job.id,
        )
        instructions.append(refund)
    entry = JobEnded(
        at=now,
        job=job.id,
        state=PHASES[job.state],
        # Whoever knows a blob's hash may fetch it: a private job's is told to its requester only.
        output_sha256=None if job.private else job.output_sha256,
        reason=job.reason[: limits.REASON_CHARS_MAX],
    )
    return settled, [*instructions, Record(entry)]


PHASES: dict[JobState, JobEnd] = {
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
    JobState.EXPIRED: "expired",
}

__all__ = [
    "PHASES",
    "Funds",
    "Kernels",
    "Refusal",
    "accept",
    "credits_text",
    "end",
    "foreseeable_cost",
    "resolve",
    "settle",
]
