"""What happens because time passes, or because something is ready to happen."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import msgspec

from newral_coordinator import answers, leases, stages
from newral_coordinator.assignment import Applicant, ReadyUnit, assign
from newral_coordinator.handlers import progress
from newral_coordinator.handlers.work import free_unit
from newral_coordinator.jobs import credits_text
from newral_coordinator.leases import Requirements
from newral_coordinator.model import LeaseRecord, Provider, Unit
from newral_coordinator.results import end_lease
from newral_coordinator.scope import Scope
from newral_coordinator.states import JobState, LeaseState
from newral_ledger import books, log
from newral_spec import limits, trail
from newral_spec.messages import (
    Checkpoint,
    Receipt,
    Verdict,
    encode_checkpoint,
    encode_receipt,
)

UNITS_PER_ASSIGNMENT: int = 256
"""Ready units looked at in one step."""

APPLICANTS_MAX: int = 1000
"""Nodes among which units are shared out in one step, those heard last."""

FORGOTTEN_PER_STEP: int = 5000
"""Rows deleted in one step: bounds the length of a transaction."""

OFFERS_PER_STEP: int = 256
"""Offers repeated in one step."""

PROGRESS_STEP: float = 0.005
"""Progress smaller than this is not published."""


async def end_overdue(scope: Scope, listening_since: int) -> None:
    """Leases past their deadline or of silent nodes end; so do jobs past theirs.

    Nobody is silent to a coordinator that has not listened for long enough.
    """
    lost = scope.now - scope.policy.lost_seconds
    if lost < listening_since:
        lost = 0
    for lease in await scope.store.overdue_leases(scope.now, lost):
        late = lease.deadline <= scope.now
        reason = "its deadline has passed" if late else "its node is silent"
        await scope.run(end_lease(lease, LeaseState.EXPIRED, reason))
        await free_unit(scope, lease, reason)
    for job in await scope.store.overdue_jobs(scope.now):
        await progress.end_job(scope, job, JobState.EXPIRED, "its deadline has passed")


async def lend(scope: Scope) -> None:
    """Give ready units to nodes that asked for work."""
    units = await scope.store.ready_units(UNITS_PER_ASSIGNMENT, scope.rng.getrandbits(63))
    if not units:
        return
    ready = await _priced(scope, units)
    escrow = {
        job: (await books.balance(scope.store.connection, trail.escrow_account(job))).available
        for job in {unit.job for unit in units}
    }
    await _end_exhausted(scope, ready, escrow)
    granted: list[tuple[str, LeaseRecord, Unit]] = []
    for item, provider in assign(ready, await _applicants(scope), escrow, scope.rng):
        unit, lease, instructions = leases.grant(
            item.unit, provider, item.price, scope.policy, scope.now
        )
        await scope.run(instructions)
        granted.append((provider, lease, unit))
    await _offer(scope, granted)


async def _priced(scope: Scope, units: list[Unit]) -> list[ReadyUnit]:
    refused_since = scope.now - scope.policy.refused_seconds
    excluded = await scope.store.excluded_providers([unit.id for unit in units], refused_since)
    ready: list[ReadyUnit] = []
    for unit in units:
        needs = _requirements(scope, unit)
        barred, lapsed = excluded.get(unit.id, (frozenset(), frozenset()))
        item = ReadyUnit(
            unit=unit,
            identity=needs.identity,
            memory_bytes=needs.memory_bytes,
            excluded=barred,
            lapsed=lapsed,
            price=scope.policy.unit_price(unit.cost_s),
        )
        ready.append(item)
    return ready


async def _end_exhausted(scope: Scope, ready: list[ReadyUnit], escrow: dict[str, int]) -> None:
    """A job whose escrow pays for no further unit, with none being computed, cannot go on."""
    for job_id, available in escrow.items():
        cheapest = min(item.price for item in ready if item.unit.job == job_id)
        if cheapest <= available:
            continue
        if any(lease.active for lease in await scope.store.open_leases(job_id)):
            continue
        job = await scope.store.job(job_id)
        assert job is not None
        reason = (
            f"its escrow is used up: the next unit costs {credits_text(cheapest)} credits"
            f" and {credits_text(available)} are left; a higher bid would have covered it"
        )
        await progress.end_job(scope, job, JobState.FAILED, reason)


async def _applicants(scope: Scope) -> list[Applicant]:
    since = scope.now - scope.policy.lost_seconds
    return [
        _applicant(provider, active, offered)
        for provider, active, offered in await scope.store.applicants(since, APPLICANTS_MAX)
    ]


def _applicant(provider: Provider, active: int, offered: frozenset[str]) -> Applicant:
    request = provider.request
    # Offers that the node had not seen when it spoke will fill slots that it reported free.
    unseen = len(offered - {holding.lease for holding in request.holding})
    return Applicant(
        key=provider.key,
        # However many it asks for, a node gets no more than it can report to be working on.
        slots=max(0, min(request.slots - unseen, limits.LEASES_MAX - active)),
        identities=frozenset(kernel.identity for kernel in request.kernels),
        memory_bytes=request.memory_bytes,
    )


def _requirements(scope: Scope, unit: Unit) -> Requirements:
    kernel = scope.kernels.get(unit.kernel, unit.version)
    memory = min(kernel.memory_bytes_max, scope.policy.memory_bytes_max)
    return Requirements(identity=scope.kernels.identity(kernel), memory_bytes=memory)


async def _offer(scope: Scope, granted: list[tuple[str, LeaseRecord, Unit]]) -> None:
    granted.sort(key=lambda item: item[0])
    for provider, items in groupby(granted, key=lambda item: item[0]):
        pairs = [(lease, unit, _requirements(scope, unit)) for _, lease, unit in items]
        await scope.run(leases.offer(provider, pairs, [], scope.policy))


async def offer_again(scope: Scope) -> None:
    """Repeat offers that their nodes have not confirmed: relays drop ephemeral events."""
    before = scope.now - scope.policy.reoffer_seconds
    granted: list[tuple[str, LeaseRecord, Unit]] = []
    for lease in await scope.store.leases_to_offer_again(before, OFFERS_PER_STEP):
        unit = await scope.store.unit(lease.unit)
        assert unit is not None
        await scope.store.put(replace(lease, heard_at=scope.now))
        granted.append((lease.provider, lease, unit))
    await _offer(scope, granted)


async def report_progress(scope: Scope) -> None:
    """Tell requesters how far their jobs are, not too often."""
    for job in await scope.store.active_jobs():
        if scope.now - job.reported_at < scope.policy.feedback_seconds:
            continue
        share = stages.progress(await scope.store.stages(job.id), job.cost_s)
        if share - job.reported_progress < PROGRESS_STEP:
            continue
        reported = replace(job, reported_progress=share, reported_at=scope.now)
        await scope.store.put(reported)
        eta = stages.remaining_seconds(share, scope.now - job.accepted_at)
        text = f"{share:.1%} of the work is done"
        await scope.run(answers.phase(job, "running", text, progress=share, eta_s=eta))


async def send_receipts(scope: Scope) -> None:
    """Put waiting verdicts into receipts, one event for each provider.

    One that says nothing new is not kept: who wants it again may ask again.
    """
    rows = await scope.store.waiting_verdicts(limits.VERDICTS_MAX)
    for provider, group in groupby(rows, key=lambda row: str(row["provider"])):
        items = list(group)
        verdicts = tuple(msgspec.convert(row["verdict"], Verdict) for row in items)
        draft = encode_receipt(Receipt(provider=provider, verdicts=verdicts))
        event = scope.executor.sign(draft)
        if any(row["receipted_at"] is None for row in items):
            await scope.store.put_receipt(event.to_json().decode())
        await scope.executor.enqueue(event, ())
        await scope.store.set_receipted((row["lease"] for row in items), scope.now)


async def forget(scope: Scope) -> None:
    """Delete what strangers leave behind and nobody needs: it would only grow."""
    before = scope.now - scope.policy.memory_seconds
    await scope.store.forget_inputs(before, FORGOTTEN_PER_STEP)
    await scope.store.forget_providers(before, FORGOTTEN_PER_STEP)


async def make_checkpoint(scope: Scope) -> None:
    """Sign the log's size and root, when there is something new and the last one is old enough."""
    size, root = await log.head(scope.store.connection)
    last = await scope.store.last_checkpoint()
    if last is not None and (
        last["size"] == size or scope.now - last["made_at"] < scope.policy.checkpoint_seconds
    ):
        return
    if size == 0:
        return
    draft = encode_checkpoint(
        Checkpoint(size=size, root=root.hex(), previous=last["event_id"] if last else None)
    )
    event = scope.executor.sign(draft)
    await scope.store.put_checkpoint(size, event.id, event.to_json().decode(), scope.now)
    await scope.executor.enqueue(event, ())
