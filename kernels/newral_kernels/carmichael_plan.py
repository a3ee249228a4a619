"""How a tabulation of Carmichael numbers is cut into cells of even cost, and what they cost.

Work is counted in pairs (P, q) of a preproduct and a prime: see `carmichael_search`. How many pairs
follow a preproduct P with a next prime above y depends on X = bound/P, y, and the share of primes
that are admissible after P, if primes are taken to be spread like 1/ln t:

    N(X, y) = share · ∫ (1 + N(X/t, t)) dt / ln t,   over y < t <= √X, the second term up to ∛X.

It is tabulated over a grid of ln X and ln y. Measured times agree with it to some 30 % from 10^9 up
to single cells of 10^16.
"""

from __future__ import annotations

import functools
import itertools
import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from newral_kernels.carmichael_cell import BOUND_MAX, Cell, is_admissible
from newral_kernels.primality import is_prime_below_2_64

COST_PER_PAIR_S: Final = 0.6e-6
COST_PER_CELL_S: Final = 1e-3

_SMALL_PRIMES: Final = (3, 5, 7, 11, 13, 17, 19, 23, 29)  # too irregular for a density
_STEP: Final = 0.1  # of the grid, in ln X and ln y
_ROWS: Final = math.ceil(math.log(BOUND_MAX) / _STEP) + 2
_SHARES: Final = 32  # tables are made for multiples of 1/32
_COLUMN_MIN: Final = 6  # ln y = 0.6: below 2, the largest y that leaves out no odd prime
_CUT_BITS: Final = 12  # cuts are rounded to so many, lest the last bit of a logarithm move them


def cost(cell: Cell) -> float:
    """Expected work in reference-core seconds."""
    return COST_PER_CELL_S + COST_PER_PAIR_S * _pairs(cell)


def cut(cell: Cell, target_s: float) -> Iterator[Cell]:
    """Disjoint cells that make up the given one, of about `target_s` or less each.

    They are no smaller than what a cell costs by itself, whatever the target.
    """
    return _cut(cell, max(target_s - COST_PER_CELL_S, COST_PER_CELL_S) / COST_PER_PAIR_S)


def _cut(cell: Cell, target: float) -> Iterator[Cell]:
    """Into cells of about `target` pairs; small next primes make cells of their own."""
    if _pairs(cell) <= target:
        yield cell
        return
    rest = cell
    while (p := _next_prime(rest.low)) < cell.high:
        child = replace(cell, prefix=(*cell.prefix, p), low=p + 1, high=cell.bound)
        if is_admissible(child.prefix):
            if _pairs(child) <= target:
                break
            yield from _cut(child, target)
        rest = replace(rest, low=p + 1)
    yield from _cut_evenly(rest, target)


def _cut_evenly(cell: Cell, target: float) -> Iterator[Cell]:
    """Cut by the size of the next prime alone."""
    pairs = _pairs(cell)
    parts = max(math.ceil(pairs / target), 1)
    for _ in range(parts - 1):
        highs = range(cell.low + 1, cell.high)
        where = bisect_left(highs, pairs / parts, key=lambda high: _pairs(replace(cell, high=high)))
        high = _round(cell.low + 1 + where)
        if not cell.low < high < cell.high:
            break
        yield replace(cell, high=high)
        cell = replace(cell, low=high)
    yield cell


def _pairs(cell: Cell) -> float:
    """Pairs of the cell: small next primes one by one, the others by the table."""
    pairs = 0.0
    for p in _SMALL_PRIMES:
        if cell.low <= p < cell.high and cell.preproduct * p**3 < cell.bound:
            child = replace(cell, prefix=(*cell.prefix, p), low=p + 1, high=cell.bound)
            if is_admissible(child.prefix):
                pairs += 1 + _pairs(child)
    x = math.log(cell.bound / cell.preproduct)
    # Of the primes that follow, one in p − 1 is 1 modulo a prime p of the prefix.
    share = math.prod(1 - 1 / (p - 1) for p in cell.prefix)
    table = _table(round(share * _SHARES))
    low = max(cell.low, _SMALL_PRIMES[-1] + 1)
    high = max(cell.high, low)
    above = _look_up(table, x, math.log(low - 1)) - _look_up(table, x, math.log(high - 1))
    return pairs + above


def _round(value: int) -> int:
    """Up to at most `_CUT_BITS` significant bits."""
    shift = max(value.bit_length() - _CUT_BITS, 0)
    return -(-value >> shift) << shift


def _next_prime(low: int) -> int:
    """The least prime >= low >= 3."""
    return next(p for p in itertools.count(low | 1, 2) if is_prime_below_2_64(p))


def _look_up(table: list[list[float]], x: float, y: float) -> float:
    """N(e^x, e^y), interpolated."""
    if 2 * y >= x:
        return 0.0
    row, column = x / _STEP, max(y / _STEP, _COLUMN_MIN)
    i, j = int(row), int(column)
    u, v = row - i, column - j
    lower = table[i][j] * (1 - v) + table[i][j + 1] * v
    upper = table[i + 1][j] * (1 - v) + table[i + 1][j + 1] * v
    return lower * (1 - u) + upper * u


@functools.cache
def _table(share: int) -> list[list[float]]:
    """N over the grid, by the trapezoidal rule from y = √X downwards: zero from there on."""
    density = [0.0, *(math.exp(j * _STEP) / (j * _STEP) for j in range(1, _ROWS + 1))]
    density = [share / _SHARES * value for value in density]
    table: list[list[float]] = []
    for i in range(_ROWS):
        row = [0.0] * (_ROWS + 1)
        above = density[i // 2] * (_STEP / 2) * (i % 2)  # the half step up to √X
        later = density[i // 2]
        for j in range(i // 2 - 1, _COLUMN_MIN - 1, -1):
            here = density[j] * (1 + (table[i - j][j] if 3 * j <= i else 0.0))
            row[j] = row[j + 1] + above + (here + later) * (_STEP / 2)
            above, later = 0.0, here
        table.append(row)
    return table
