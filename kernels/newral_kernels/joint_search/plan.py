"""How a job is cut into units of even cost.

How many terms a prime's progression has depends on its order and rank, and a few primes have most
of them: so orders and ranks are computed here, too, as far as progressions can be long. Beyond,
where a prime costs what its order and rank cost, a unit is a range of p alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import numpy as np

from newral_kernels.joint_search.cost import (
    PER_LEAF_S,
    PER_UNIT_S,
    primes_cost_s,
    range_cost_s,
    terms_cost_s,
)
from newral_kernels.joint_search.job import Job
from newral_kernels.joint_search.planner import (
    LEAF_COST_MIN_S,
    Planner,
    Run,
    Stretch,
    leaves_of,
    microseconds,
)
from newral_kernels.joint_search.primes import stretches
from newral_kernels.joint_search.task import Task
from newral_kernels.kernel import even_unit_cost


@functools.lru_cache(maxsize=64)
def total_cost_s(job: Job) -> float:
    """Of the whole job."""
    exact = sum(float((part.own_s + part.terms_s).sum()) for part in _stretches(job))
    return PER_UNIT_S + exact + range_cost_s(job.conditions, job.exact_stop, job.stop)


def runs(job: Job) -> Iterator[Run]:
    """All units of a job."""
    target_s = even_unit_cost(total_cost_s(job))
    planner = Planner(job, target_s, start=job.start)
    for part in _stretches(job):
        yield from planner.add(part)
    yield from planner.finish()
    if job.exact_stop < job.stop:
        yield _short_run(job, target_s)


def _stretches(job: Job) -> Iterator[Stretch]:
    """The primes below `exact_stop`, some at a time."""
    for some in stretches(job.conditions, job.start, job.exact_stop):
        progressions = some.progressions(job.conditions.sign, job.bound)
        primes, terms = some.primes.astype(np.float64), progressions.terms.astype(np.float64)
        shares = some.symbol_shares(job.conditions, progressions)
        yield Stretch(
            primes=primes,
            terms=terms,
            own_s=primes_cost_s(job.conditions, primes),
            terms_s=terms_cost_s(job.conditions, job.bound, primes, terms, shares),
        )


def _short_run(job: Job, target_s: float) -> Run:
    """The units from `exact_stop` on."""
    first, width = job.exact_stop, job.stop - job.exact_stop
    count = min(math.ceil(range_cost_s(job.conditions, first, job.stop) / target_s), width)

    def unit(index: int) -> Task:
        start, stop = (first + width * i // count for i in (index, index + 1))
        cost_s = PER_UNIT_S + range_cost_s(job.conditions, start, stop)
        blocks = min(leaves_of(cost_s, LEAF_COST_MIN_S[False]), stop - start)
        return Task(
            conditions=job.conditions,
            bound=job.bound,
            start=start,
            stop=stop,
            blocks=blocks,
            parts=1,
            cost_us=microseconds(cost_s + blocks * PER_LEAF_S[False]),
        )

    return Run(count, unit)
