"""What follows from inputs and from time: stages move on, units are lent, jobs end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from newral_coordinator import answers, jobs, leases, stages
from newral_coordinator.model import Job, StageRun, Unit
from newral_coordinator.scope import Scope
from newral_coordinator.stages import StageFailed
from newral_coordinator.states import JobState, StageState, UnitState
from newral_kernels.kernel import Kernel
from newral_ledger import books, log
from newral_spec import trail
from newral_spec.canonical import parse_json

FOLD_MAX = 256
"""Results folded in one step: bounds memory and the length of a transaction."""

Plans = dict[tuple[str, str], tuple[int, Iterator[dict[str, Any]]]]
"""Iterators over plans in progress, each with the number of units taken; lost at a restart."""


async def note_accepted(scope: Scope, before: Unit) -> None:
    """Count a unit that was just accepted towards its stage."""
    unit = await scope.store.unit(before.id)
    assert unit is not None
    if unit.state is UnitState.ACCEPTED:
        await scope.store.count_accepted_unit(unit)


async def advance_job(scope: Scope, job_id: str, plans: Plans) -> bool:
    """Move a job on as far as it goes without new results. Whether there is more to do at once."""
    job = await scope.store.job(job_id)
    if job is None or not job.active:
        return False
    try:
        again = await _advance_stages(scope, job, plans)
    except StageFailed as error:
        await end_job(scope, job, JobState.FAILED, str(error))
        return False
    runs = await scope.store.stages(job_id)
    if job.state is JobState.ACCEPTED and any(run.planned for run in runs):
        job = job.evolve(JobState.RUNNING, "its first units are planned")
        await scope.store.put(job)
    if all(run.ended for run in runs):
        await _complete(scope, job, runs)
        return False
    return again


async def _advance_stages(scope: Scope, job: Job, plans: Plans) -> bool:
    again = False
    runs = {run.name: run for run in await scope.store.stages(job.id)}
    for name in list(runs):
        run = runs[name]
        kernel = scope.kernels.get(run.definition.kernel, run.definition.version)
        if stages.is_due(run, runs):
            outputs = await _outputs(scope, runs, run.definition.upstream)
            run = await asyncio.to_thread(stages.start, run, runs, outputs, kernel)
        if run.state is StageState.RUNNING:
            run, more = await _fold(scope, run, kernel)
            run = await _plan(scope, run, kernel, plans)
            again = again or more
        if stages.is_complete(run):
            run, output = stages.finish(run)
            await scope.keep(output)
            plans.pop((job.id, name), None)
        if run != runs[name]:
            await scope.store.put(run)
            runs[name] = run
    return again


async def _outputs(
    scope: Scope, runs: dict[str, StageRun], names: frozenset[str]
) -> dict[str, stages.Output]:
    return {
        name: await scope.blob_json(sha256)
        for name in names
        if (sha256 := runs[name].output_sha256) is not None
    }


async def _fold(scope: Scope, run: StageRun, kernel: Kernel) -> tuple[StageRun, bool]:
    units = await scope.store.units_to_fold(run.job, run.name, FOLD_MAX)
    if not units:
        return run, False
    data = [await scope.result_bytes(*await scope.store.accepted_result(unit)) for unit in units]
    run, folded = await asyncio.to_thread(stages.fold, run, kernel, units, data)
    await scope.store.put(*folded)
    return run, len(units) == FOLD_MAX


async def _plan(scope: Scope, run: StageRun, kernel: Kernel, plans: Plans) -> StageRun:
    if run.exhausted:
        return run
    open_units = await scope.store.count_open_units(run.job, run.name)
    wanted = scope.policy.units_ahead - open_units
    if wanted <= scope.policy.units_ahead // 4 and run.planned:
        return run
    assert run.params is not None
    taken, units = plans.get((run.job, run.name), (-1, iter(())))
    if taken != run.planned:
        units = kernel.plan(parse_json(run.params), run.planned)
    run, planned, blobs = await asyncio.to_thread(stages.plan, run, kernel, units, wanted)
    plans[run.job, run.name] = (run.planned, units)
    await scope.keep(*blobs)
    await scope.store.put(*planned)
    return run


async def _complete(scope: Scope, job: Job, runs: list[StageRun]) -> None:
    outputs = await _outputs(
        scope, {run.name: run for run in runs}, frozenset(run.name for run in runs)
    )
    output = stages.job_output(runs, outputs)
    await scope.keep(output)
    if job.state is JobState.ACCEPTED:
        job = job.evolve(JobState.RUNNING, "it had nothing to compute")
    ended = await end_job(
        scope, job, JobState.COMPLETED, "every unit is accepted", (output.sha256, len(output.data))
    )
    await scope.executor.flush()
    size, _ = await log.head(scope.store.connection)
    url = scope.blob_url(output.sha256, private=ended.private)
    await scope.run(answers.result(ended, output.data, url, size))


async def end_job(
    scope: Scope,
    job: Job,
    state: JobState,
    reason: str,
    output: tuple[str, int] | None = None,
) -> Job:
    """End a job, pay what is owed, return the rest, and say so."""
    open_leases = await scope.store.open_leases(job.id)
    ended, instructions = jobs.end(
        job,
        state,
        reason,
        open_units=await scope.store.open_units(job.id),
        open_leases=open_leases,
        now=scope.now,
        output=output,
    )
    await scope.run(instructions)
    await scope.executor.flush()
    escrow = await books.balance(scope.store.connection, trail.escrow_account(job.id))
    assert escrow.reserved == 0, f"job {job.id} ended with {escrow.reserved} reserved"
    ended, instructions = jobs.settle(ended, escrow.posted, scope.now)
    await scope.run(instructions)
    for provider in sorted({lease.provider for lease in open_leases if lease.active}):
        dropped = [lease.id for lease in open_leases if lease.active and lease.provider == provider]
        await scope.run(leases.offer(provider, [], dropped, scope.policy))
    share = 1.0 if state is JobState.COMPLETED else None
    await scope.run(answers.phase(ended, jobs.PHASES[state], reason, progress=share))
    return ended


async def fail_job(scope: Scope, job_id: str, reason: str) -> None:
    """End a job that cannot go on, if it has not ended."""
    job = await scope.store.job(job_id)
    if job is not None and job.active:
        await end_job(scope, job, JobState.FAILED, reason)
