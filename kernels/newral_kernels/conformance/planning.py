"""How a job is cut into units, and what they are expected to cost."""

from __future__ import annotations

import math
import time

from newral_kernels.conformance.alterations import GARBAGE
from newral_kernels.conformance.job import Job, encoded, require
from newral_kernels.errors import UnitError


def a_job_has_several_units(job: Job) -> None:
    """So that the other checks see what happens between units."""
    require(len(job.units) > 1, "this job has a single unit: give larger params")
    texts = [encoded(unit) for unit in job.units]
    require(len(set(texts)) == len(texts), "the plan has a unit twice")


def a_plan_can_be_taken_up_anywhere(job: Job) -> None:
    """`plan(params, start)` is the plan without its first `start` units, at every start."""
    for start in range(len(job.units) + 2):
        rest = list(job.kernel.plan(job.params, start))
        require(encoded(rest) == encoded(job.units[start:]), f"plan(params, {start}) differs")


def the_estimate_is_the_sum_of_the_units(job: Job) -> None:
    """Their number exactly, their cost up to rounding."""
    estimate = job.kernel.estimate(job.params)
    costs = [job.kernel.cost(unit) for unit in job.units]
    require(
        all(math.isfinite(cost) and cost > 0 for cost in costs), f"a cost is not positive: {costs}"
    )
    require(
        estimate.units == len(job.units), f"{estimate.units} estimated, {len(job.units)} planned"
    )
    require(
        math.isclose(estimate.cost_s, math.fsum(costs), rel_tol=1e-6),
        f"{estimate.cost_s} s estimated, {math.fsum(costs)} s are the units' costs",
    )


def garbage_is_no_unit(job: Job) -> None:
    """`cost` and `run` raise `UnitError` for what no plan has yielded."""
    for garbage in (*GARBAGE, {**job.units[0], "no such field": 1}):
        for use in (job.kernel.cost, job.compute):
            try:
                use(garbage)
            except UnitError:
                continue
            require(False, f"{garbage!r} is taken for a unit")


def cost_ratios(job: Job) -> list[float]:
    """Measured seconds of each unit for each second of its cost.

    On the reference core 1 ± 0.2 is wanted, on another the same ratio for all units. No check of
    the suite: tests depend on no machine's speed.
    """
    job.kernel.prepare()
    ratios = []
    for unit in job.units:
        before = time.process_time()
        job.compute(unit)
        ratios.append((time.process_time() - before) / job.kernel.cost(unit))
    return ratios
