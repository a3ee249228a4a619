"""Gathers primes until they make a unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from newral_kernels.commitment import LEAVES_MAX
from newral_kernels.joint_search.cofactors import PIECE
from newral_kernels.joint_search.cost import (
    PER_LEAF_S,
    PER_LISTED_PRIME_S,
    PER_UNIT_S,
    Doubles,
    per_term_s,
)
from newral_kernels.joint_search.job import Job
from newral_kernels.joint_search.task import ALL_PIECES, PRIMES_MAX, Task

LEAF_COST_MIN_S: Final = {True: 0.1e-3, False: 2e-3}
"""Of a leaf of a list, and of a range, where each block has to begin anew."""

BLOCKS_PER_SHARE: Final = 16_000
"""Blocks for a unit whose whole cost is orders and ranks, of others in proportion: the 66 leaves of
a spot check need those of as many blocks, 0.4 % of the cost."""

_SUMMED_MAX: Final = 4096


class Stretch(NamedTuple):
    """Some primes with their numbers of terms, and the costs of their orders and of their terms."""

    primes: Doubles
    terms: Doubles
    own_s: Doubles
    terms_s: Doubles


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


@dataclass(slots=True)
class Planner:
    """Gathers primes until they make a unit: those with many terms in lists, others by ranges."""

    job: Job
    target_s: float
    start: int
    cost_s: float = 0.0
    own_s: float = 0.0
    long: list[tuple[int, int, float]] = field(default_factory=list)

    def add(self, part: Stretch) -> Iterator[Run]:
        """Add some primes; yield the units that are full."""
        is_long = part.terms > self.most
        sums = np.cumsum(part.own_s + np.where(is_long, 0.0, part.terms_s))
        own = np.cumsum(part.own_s)
        done = 0
        while done < len(sums):
            room = self.target_s - self.cost_s + (sums[done - 1] if done else 0.0)
            end = min(int(np.searchsorted(sums, room)) + 1, len(sums))
            self.cost_s += float(sums[end - 1] - (sums[done - 1] if done else 0.0))
            self.own_s += float(own[end - 1] - (own[done - 1] if done else 0.0))
            done = end
            if self.cost_s >= self.target_s:
                yield self._range(int(part.primes[done - 1]) + 1)
        for k in np.flatnonzero(is_long).tolist():
            yield from self._add_long(
                int(part.primes[k]), int(part.terms[k]), float(part.terms_s[k])
            )

    def finish(self) -> Iterator[Run]:
        """The units that are not full."""
        if self.start < self.job.exact_stop:
            yield self._range(self.job.exact_stop)
        if self.long:
            yield self._list()

    @property
    def most(self) -> int:
        """Terms of a prime that is none of a list."""
        first = per_term_s(self.job.conditions, self.job.bound, self.job.start)
        return max(int(self.target_s / PRIMES_MAX / first), PIECE)

    def _range(self, stop: int) -> Run:
        start, cost_s = self.start, self.cost_s + PER_UNIT_S
        leaves = leaves_of(cost_s, LEAF_COST_MIN_S[False])
        share = self.own_s / cost_s
        blocks = min(max(math.ceil(BLOCKS_PER_SHARE * share), 1), leaves, stop - start)
        task = Task(
            conditions=self.job.conditions,
            bound=self.job.bound,
            start=start,
            stop=stop,
            most=self.most,
            blocks=blocks,
            parts=max(leaves // blocks, 1),
            cost_us=microseconds(cost_s + blocks * PER_LEAF_S[False]),
        )
        self.start, self.cost_s, self.own_s = stop, 0.0, 0.0
        return Run(1, lambda _: task)

    def _add_long(self, p: int, terms: int, cost_s: float) -> Iterator[Run]:
        if cost_s > self.target_s:
            yield self._pieces(p, terms, cost_s)
            return
        self.long.append((p, terms, cost_s + PER_LISTED_PRIME_S))
        if len(self.long) == PRIMES_MAX or sum(one for _, _, one in self.long) >= self.target_s:
            yield self._list()

    def _list(self) -> Run:
        cost_s = PER_UNIT_S + sum(one for _, _, one in self.long)
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
            return self._listed((p,), low, high, high - low, PER_UNIT_S + share_s)

        return Run(count, unit)

    def _listed(
        self, primes: tuple[int, ...], low: int, high: int, pieces: int, cost_s: float
    ) -> Task:
        leaves = min(leaves_of(cost_s, LEAF_COST_MIN_S[True]), pieces)
        return Task(
            conditions=self.job.conditions,
            bound=self.job.bound,
            start=primes[0],
            stop=primes[-1] + 1,
            primes=primes,
            low=low,
            high=high,
            parts=leaves,
            cost_us=microseconds(cost_s + leaves * PER_LEAF_S[True]),
        )


def leaves_of(cost_s: float, leaf_cost_s: float) -> int:
    """How many leaves a unit of some cost has, none cheaper than the one given."""
    return min(max(int(cost_s / leaf_cost_s), 1), LEAVES_MAX)


def microseconds(cost_s: float) -> int:
    """As units say it."""
    return max(round(cost_s * 10**6), 1)
