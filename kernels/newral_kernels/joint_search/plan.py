"""How a job is cut into units of even cost.

How many terms a prime's progression has depends on its order and rank, and a few primes have most
of them: so orders and ranks are computed here, too, as far as progressions can be long. Beyond,
where a prime costs what its order and rank cost, a unit is a range of p alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from newral_kernels.commitment import LEAVES_MAX
from newral_kernels.joint_search import cost
from newral_kernels.joint_search.cofactors import PIECE
from newral_kernels.joint_search.conditions import Conditions
from newral_kernels.joint_search.cost import Doubles
from newral_kernels.joint_search.job import Job
from newral_kernels.joint_search.primes import stretches
from newral_kernels.joint_search.task import ALL_PIECES, PRIMES_MAX, Task
from newral_kernels.kernel import even_unit_cost

LEAF_COST_MIN_S: Final = {True: 0.1e-3, False: 2e-3}
"""Of a leaf of a list, and of a range, where each block has to begin anew."""

RANKS_PER_BLOCK: Final = 16_000
"""Blocks for each share of a unit's cost that orders and ranks have: the 66 leaves of a spot check
need those of as many blocks, some 0.4 % of the cost in all."""

_SUMMED_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Run:
    """Some units that follow each other, all of about one cost."""

    count: int
    unit: Callable[[int], Task]

    def cost_us(self) -> int:
        """Of all of them: one by one, unless they are too many for differences by rounding."""
        if self.count > _SUMMED_MAX:
            return self.count * self.unit(self.count // 2).cost_us
        return sum(self.unit(index).cost_us for index in range(self.count))


@functools.lru_cache(maxsize=64)
def total_cost_s(job: Job) -> float:
    """Of the whole job."""
    exact = sum(float(costs.sum()) for _, _, costs in _costs(job))
    return cost.PER_UNIT_S + exact + _short_cost_s(job.conditions, job.exact_stop, job.stop)


def runs(job: Job) -> Iterator[Run]:
    """All units of a job."""
    target_s = even_unit_cost(total_cost_s(job))
    planner = _Planner(job, target_s, start=job.start)
    for primes, terms, costs in _costs(job):
        yield from planner.add(primes, terms, costs)
    yield from planner.finish()
    yield from _short_runs(job, target_s)


def _costs(job: Job) -> Iterator[tuple[Doubles, Doubles, Doubles]]:
    """The primes below `exact_stop`, some at a time, with their numbers of terms and costs."""
    for some in stretches(job.conditions, job.start, job.exact_stop):
        progressions = some.progressions(job.conditions.sign, job.bound)
        primes, terms = some.primes.astype(np.float64), progressions.terms.astype(np.float64)
        costs = cost.terms_cost_s(job.conditions, job.bound, primes, terms)
        yield primes, terms, costs + cost.PER_PRIME_S[job.conditions.sign]


@dataclass(slots=True)
class _Planner:
    """Gathers primes until they make a unit: those with many terms in lists, others by ranges."""

    job: Job
    target_s: float
    start: int
    cost_s: float = 0.0
    primes: int = 0
    long: list[tuple[int, int, float]] = field(default_factory=list)

    def add(self, primes: Doubles, terms: Doubles, costs: Doubles) -> Iterator[Run]:
        """Add some primes; yield the units that are full."""
        is_long = terms > self.most
        own = np.where(is_long, cost.PER_PRIME_S[self.job.conditions.sign], costs)
        sums = np.cumsum(own)
        done, before = 0, 0.0
        while len(sums) and self.cost_s + sums[-1] - before >= self.target_s:
            cut = int(np.searchsorted(sums, self.target_s - self.cost_s + before)) + 1
            cut = min(cut, len(sums))
            self._count(cut - done, float(sums[cut - 1]) - before)
            yield self._range(int(primes[cut - 1]) + 1)
            done, before = cut, float(sums[cut - 1])
        if len(sums):
            self._count(len(sums) - done, float(sums[-1]) - before)
        for k in np.flatnonzero(is_long).tolist():
            yield from self._add_long(int(primes[k]), int(terms[k]), float(costs[k]))

    def finish(self) -> Iterator[Run]:
        """The units that are not full."""
        if self.start < self.job.exact_stop:
            yield self._range(self.job.exact_stop)
        if self.long:
            yield self._list()

    @property
    def most(self) -> int:
        """Terms of a prime that is none of a list."""
        first = cost.per_term_s(self.job.conditions, self.job.bound, self.job.start)
        return max(int(self.target_s / PRIMES_MAX / first), PIECE)

    def _count(self, primes: int, cost_s: float) -> None:
        self.primes += primes
        self.cost_s += cost_s

    def _range(self, stop: int) -> Run:
        start, cost_s = self.start, self.cost_s + cost.PER_UNIT_S
        per_prime_s = cost.PER_PRIME_S[self.job.conditions.sign]
        leaves = _leaves(cost_s, LEAF_COST_MIN_S[False])
        share = self.primes * per_prime_s / cost_s
        blocks = min(max(math.ceil(RANKS_PER_BLOCK * share), 1), leaves, stop - start)
        task = Task(
            conditions=self.job.conditions,
            bound=self.job.bound,
            start=start,
            stop=stop,
            most=self.most,
            blocks=blocks,
            parts=max(leaves // blocks, 1),
            cost_us=_microseconds(cost_s + blocks * cost.PER_LEAF_S),
        )
        self.start, self.cost_s, self.primes = stop, 0.0, 0
        return Run(1, lambda _: task)

    def _add_long(self, p: int, terms: int, cost_s: float) -> Iterator[Run]:
        if cost_s > self.target_s:
            yield self._pieces(p, terms, cost_s)
            return
        self.long.append((p, terms, cost_s + cost.PER_LISTED_PRIME_S))
        if len(self.long) == PRIMES_MAX or sum(one for _, _, one in self.long) >= self.target_s:
            yield self._list()

    def _list(self) -> Run:
        cost_s = cost.PER_UNIT_S + sum(one for _, _, one in self.long)
        pieces = sum(-(-terms // PIECE) for _, terms, _ in self.long)
        task = self._listed(tuple(p for p, _, _ in self.long), 0, ALL_PIECES, pieces, cost_s)
        self.long = []
        return Run(1, lambda _: task)

    def _pieces(self, p: int, terms: int, cost_s: float) -> Run:
        """The units of a prime that is too long for one."""
        pieces = -(-terms // PIECE)
        count = math.ceil(cost_s / self.target_s)

        def unit(index: int) -> Task:
            low, high = (pieces * i // count for i in (index, index + 1))
            share_s = cost_s * (high - low) / pieces
            return self._listed((p,), low, high, high - low, cost.PER_UNIT_S + share_s)

        return Run(count, unit)

    def _listed(
        self, primes: tuple[int, ...], low: int, high: int, pieces: int, cost_s: float
    ) -> Task:
        return Task(
            conditions=self.job.conditions,
            bound=self.job.bound,
            start=primes[0],
            stop=primes[-1] + 1,
            primes=primes,
            low=low,
            high=high,
            parts=min(_leaves(cost_s, LEAF_COST_MIN_S[True]), pieces),
            cost_us=_microseconds(cost_s),
        )


def _short_runs(job: Job, target_s: float) -> Iterator[Run]:
    """The units from `exact_stop` on."""
    first, width = job.exact_stop, job.stop - job.exact_stop
    if width == 0:
        return
    count = math.ceil(_short_cost_s(job.conditions, first, job.stop) / target_s)

    def unit(index: int) -> Task:
        start, stop = (first + width * i // count for i in (index, index + 1))
        cost_s = cost.PER_UNIT_S + _short_cost_s(job.conditions, start, stop)
        blocks = min(_leaves(cost_s, LEAF_COST_MIN_S[False]), stop - start)
        return Task(
            conditions=job.conditions,
            bound=job.bound,
            start=start,
            stop=stop,
            blocks=blocks,
            parts=1,
            cost_us=_microseconds(cost_s + blocks * cost.PER_LEAF_S),
        )

    yield Run(count, unit)


def _short_cost_s(conditions: Conditions, start: int, stop: int) -> float:
    if start == stop:
        return 0.0
    return cost.primes_between(start, stop) * cost.PER_PRIME_S[conditions.sign]


def _leaves(cost_s: float, leaf_cost_s: float) -> int:
    return min(max(int(cost_s / leaf_cost_s), 1), LEAVES_MAX)


def _microseconds(cost_s: float) -> int:
    return max(round(cost_s * 10**6), 1)
