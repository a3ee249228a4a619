"""How a tabulation of Carmichael numbers is cut into cells of even cost, and what they cost.

The tree of preproducts is walked through without searching it, a sample of it for large bounds.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from newral_kernels.carmichael_cell import Cell, integer_root
from newral_kernels.preproducts.prime_tables import fill_primes, tables
from newral_kernels.preproducts.weights import FEATURES, PAIRS, count_work, prime_count
from newral_kernels.preproducts.workspace import Integers, Primes

CELL_S: Final = 1e-3
"""What a cell costs by itself."""
WEIGHTS_S: Final = np.array([1.8e-6, 1.4e-9, 0.6e-6, 16e-9])
"""Of a node with pairs, a pair, a node with cofactors, a cofactor: fitted to measured cells."""

EXACT_BITS: Final = 49  # of a bound, up to which nothing is sampled
STRIDE_BITS_MAX: Final = 5
PI_BITS_MIN: Final = 20  # up to which π is tabulated rather than estimated
TAIL_PARTS: Final = 64  # primes that lead no further are cut so often


def prepare() -> None:
    """Compile what planning needs, or load it."""
    fill_primes.prepare()
    count_work.prepare()


def cost(cell: Cell) -> float:
    """Expected work in reference-core seconds."""
    return CELL_S + math.fsum(branch.work_s for branch in _branches(cell))


def cut(cell: Cell, target_s: float) -> Iterator[Cell]:
    """Disjoint cells that make up the given one, of about `target_s` or less each.

    They are no smaller than what a cell costs by itself, whatever the target.
    """
    return _cut(cell, max(target_s - CELL_S, CELL_S / 4))


class _Branch(NamedTuple):
    """The part of a cell with the next prime in [low, high)."""

    low: int
    high: int
    work_s: float
    divisible: bool
    """Whether it has one next prime, which others may follow."""


def _cut(cell: Cell, target: float) -> Iterator[Cell]:
    low = cell.low
    run: list[_Branch] = []
    for branch in _branches(cell):
        if branch.divisible and branch.work_s > target:
            yield from _cut_run(replace(cell, low=low, high=branch.low), run, target)
            prefix = (*cell.prefix, branch.low)
            yield from _cut(Cell(cell.start, cell.bound, prefix, branch.high, cell.bound), target)
            low, run = branch.high, []
        else:
            run.append(branch)
    # Beyond the branches there may be numbers with one prime more than the prefix.
    if run or (len(cell.prefix) >= 2 and low < cell.high):
        yield from _cut_run(replace(cell, low=low), run, target)


def _cut_run(cell: Cell, branches: list[_Branch], target: float) -> Iterator[Cell]:
    """Into cells of nearly equal work; none if there are no branches before others."""
    total = math.fsum(branch.work_s for branch in branches)
    parts = max(round(total / target), 1)
    gathered, cuts = 0.0, 1
    for branch in branches:
        if cuts < parts and gathered + branch.work_s / 2 > cuts * total / parts:
            if branch.low > cell.low:
                yield replace(cell, high=branch.low)
                cell = replace(cell, low=branch.low)
            cuts += 1
        gathered += branch.work_s
    if branches or cell.high == cell.bound:
        yield cell


@functools.lru_cache(maxsize=4)  # a whole job is weighed first, and then cut
def _branches(cell: Cell) -> list[_Branch]:
    """By ascending next prime; what is in none of them costs nothing."""
    if cell.is_empty:
        return []
    x = (cell.bound - 1) // cell.preproduct
    primes, pi = _primes(cell)
    cube_root = min(integer_root(x, 3), cell.high - 1)
    first, last = int(pi[min(cell.low - 1, len(pi) - 1)]), int(pi[cube_root])
    branches = []
    if first < last:
        counts = np.zeros((last - first, FEATURES))
        prefix = np.array(cell.prefix, np.int64)
        count_work(cell.bound - 1, prefix, first, last, _stride(cell), primes, pi, counts)
        if cell.prefix:
            counts[:, PAIRS] += 1
        for p, work in zip(primes[first:last].tolist(), (counts @ WEIGHTS_S).tolist(), strict=True):
            branches.append(_Branch(p, p + 1, work, True))
    if cell.prefix:
        branches += _tail(max(cell.low, cube_root + 1), min(cell.high, math.isqrt(x) + 1), pi)
    return branches


def _tail(low: int, high: int, pi: Integers) -> Iterator[_Branch]:
    """Primes q that no other than r follows."""
    step = max((high - low) // TAIL_PARTS, 1)
    for start in range(low, high, step):
        stop = min(start + step, high)
        pairs = prime_count(stop - 1, pi) - prime_count(start - 1, pi)
        yield _Branch(start, stop, pairs * float(WEIGHTS_S[PAIRS]), False)


def _stride(cell: Cell) -> int:
    return 1 << max(0, min(cell.bound.bit_length() - EXACT_BITS, STRIDE_BITS_MAX))


def _primes(cell: Cell) -> tuple[Primes, Integers]:
    """The primes that may lead on, and π."""
    bits = ((cell.bound // cell.preproduct).bit_length() + 2) // 3
    return _prime_counts(max(bits, PI_BITS_MIN))


@functools.lru_cache(maxsize=2)
def _prime_counts(bits: int) -> tuple[Primes, Integers]:
    primes = tables(bits, 1).primes
    counts = np.zeros(1 << bits, np.int64)
    counts[primes[primes < 1 << bits]] = 1
    return primes, np.cumsum(counts)
