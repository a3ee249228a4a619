"""The primes of a task with their orders, ranks and symbols."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.errors import UnitError
from newral_kernels.joint_search.conditions import Conditions
from newral_kernels.joint_search.progression import fill_progressions
from newral_kernels.joint_search.tables import Signs, Words, tables
from newral_kernels.orders import fill_orders, primes_with_orders, sieving_primes
from newral_kernels.ranks import fill_ranks

Doubles: TypeAlias = npt.NDArray[np.float64]

STRETCH: Final = 2**20  # of p, at a time: some megabytes


class Progressions(NamedTuple):
    """Of each of some primes p the cofactors s for which p·s is a candidate: the first, the step to
    the next, how many there are."""

    firsts: Words
    steps: Words
    terms: Words


class Primes(NamedTuple):
    """Of some primes, ascending: the order of 2, the rank of apparition, the symbol (D/p).

    The rank is 0 where there is no class, and the symbol, too, where p divides 2QD.
    """

    primes: Words
    orders: Words
    ranks: Words
    symbols: Signs

    def progressions(self, sign: int, bound: int) -> Progressions:
        """Of the candidates up to a bound < 2^96."""
        filled = Progressions(*np.empty((3, len(self.primes)), np.uint64))
        high, low = np.uint64(bound >> 64), np.uint64(bound & 2**64 - 1)
        fill_progressions(
            self.primes, self.orders, self.ranks, self.symbols, sign, high, low, *filled
        )
        return filled

    def symbol_shares(self, conditions: Conditions, progressions: Progressions) -> Doubles:
        """Of each prime's terms s, the share with (D/s) = e·(D/p), relative to that of all s.

        Where |D| divides the step, all terms have the same symbol.
        """
        table = tables(conditions).symbols
        size = np.uint64(table.size)
        targets = conditions.sign * self.symbols
        right = table[(progressions.firsts % size).astype(np.int64)] == targets
        alike = progressions.steps % size == 0
        shares: Doubles = np.where(alike, right / (np.count_nonzero(table == 1) / table.size), 1.0)
        return shares


def stretches(conditions: Conditions, start: int, stop: int) -> Iterator[Primes]:
    """The odd primes start <= p < stop, some at a time."""
    for low in range(start, stop, STRETCH):
        yield stretch(conditions, low, min(low + STRETCH, stop))


@functools.lru_cache(maxsize=4)
def stretch(conditions: Conditions, start: int, stop: int) -> Primes:
    """The odd primes start <= p < stop."""
    primes, orders = primes_with_orders(start, stop)
    return _with_ranks(conditions, start, stop, primes, orders)


@functools.lru_cache(maxsize=4)
def listed(conditions: Conditions, primes: tuple[int, ...]) -> Primes:
    """Some primes. Raises `UnitError` for other numbers."""
    return Primes(*map(np.concatenate, zip(*(_one(conditions, p) for p in primes), strict=True)))


def prepare() -> None:
    """Compile what is needed here."""
    fill_orders.prepare()
    fill_ranks.prepare()
    fill_progressions.prepare()


@functools.cache
def _sieving() -> Words:
    return sieving_primes()


def _one(conditions: Conditions, p: int) -> Primes:
    prime, order = np.empty(1, np.uint64), np.empty(1, np.uint64)
    if fill_orders(p, p + 1, _sieving(), prime, order) != 1:
        raise UnitError("primes", f"{p} is no odd prime", "list primes")
    return _with_ranks(conditions, p, p + 1, prime, order)


def _with_ranks(
    conditions: Conditions, start: int, stop: int, primes: Words, orders: Words
) -> Primes:
    ranks, symbols = np.empty(len(primes), np.uint64), np.empty(len(primes), np.int8)
    fill_ranks(
        start,
        stop,
        conditions.q,
        conditions.sign,
        tables(conditions).symbols,
        _sieving(),
        primes,
        orders,
        ranks,
        symbols,
    )
    return Primes(primes, orders, ranks, symbols)
