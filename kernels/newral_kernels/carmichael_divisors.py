"""The compiled search of a range of preproducts, what it costs, and how it is cut."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from newral_kernels.carmichael_preproducts import PreproductRange
from newral_kernels.commitment import LEAVES_MAX
from newral_kernels.criterion import Factored
from newral_kernels.preproducts.divisors import SEGMENT_BITS, search_preproducts
from newral_kernels.preproducts.prime_tables import fill_primes, tables
from newral_kernels.preproducts.tree import LEAF_FACTOR, LEAF_SUMMAND
from newral_kernels.preproducts.workspace import Integers, Words
from newral_kernels.primality import is_prime_below_2_64
from newral_kernels.words import HALF_BITS

RANGE_S: Final = 1e-3
"""What a range costs by itself."""
DIVISOR_S: Final = 3.5e-9
"""Of P·ln P·τ(P − 1)."""
HITS_ROOM: Final = 2**10


def prepare() -> None:
    """Compile what a search needs, or load it."""
    fill_primes.prepare()
    search_preproducts.prepare()


class RangeSearch:
    """The groups of a range, in a fixed order. They are searched any number at a time."""

    def __init__(self, whole: PreproductRange) -> None:
        self._range = whole
        self._spf = _least_factors(whole.high)
        groups = [
            (product, segment)
            for product in _preproducts(whole)
            for segment in range(((product - 1) >> SEGMENT_BITS) + 1)
        ]
        table = np.array(groups, np.int64).reshape(-1, 2)
        self._products, self._segments = table[:, 0].copy(), table[:, 1].copy()
        self.groups: int = len(groups)
        """How many there are."""
        self.leaves: int = max(min(self.groups, LEAVES_MAX), 1)
        """How many leaves they are dealt to."""
        words = table.astype(np.uint64) * np.array([LEAF_FACTOR, LEAF_SUMMAND])
        mixed = words.sum(axis=1, dtype=np.uint64) >> HALF_BITS
        self._leaf_indices = ((mixed * np.uint64(self.leaves)) >> HALF_BITS).astype(np.int64)
        self._hits = np.empty((HITS_ROOM, 3), np.int64)

    def no_sums(self) -> Words:
        """A sum of nothing for each leaf."""
        return np.zeros(self.leaves, np.uint64)

    def search(self, start: int, stop: int, wanted: Sequence[int], sums: Words) -> list[Factored]:
        """The numbers from those of groups[start:stop] that belong to the wanted leaves.

        Adds the groups' residues to their leaves' sums, modulo 2^64.
        """
        mask = np.zeros(self.leaves, np.uint8)
        mask[list(wanted)] = 1
        found: list[Factored] = []
        while start < stop:
            done, count = search_preproducts(
                self._products,
                self._segments,
                self._leaf_indices,
                start,
                stop,
                mask,
                sums,
                self._spf,
                self._hits,
            )
            if done == start:
                self._hits = np.empty((2 * len(self._hits), 3), np.int64)
            found += self._proved(self._hits[:count].tolist())
            start = done
        return found

    def beside(self) -> list[Factored]:
        """The numbers that no group finds: none."""
        return []

    def _proved(self, rows: list[list[int]]) -> list[Factored]:
        found = []
        for product, q, r in rows:
            factors = (*_factor(product, self._spf), q, r)
            item = Factored(product * q * r, factors)
            if self._range.holds(item.n, factors) and all(map(is_prime_below_2_64, (q, r))):
                found.append(item)
        return found


def cost(whole: PreproductRange) -> float:
    """Expected work in reference-core seconds."""
    return RANGE_S + math.fsum(_work(product, whole.high) for product in _preproducts(whole))


def cut(whole: PreproductRange, target_s: float) -> Iterator[PreproductRange]:
    """Disjoint ranges that make up the given one, of about `target_s` each."""
    low, gathered = whole.low, 0.0
    for product in _preproducts(whole):
        work = _work(product, whole.high)
        if gathered > 0 and gathered + work / 2 > target_s:
            yield replace(whole, low=low, high=product)
            low, gathered = product, 0.0
        gathered += work
    yield replace(whole, low=low)


def _preproducts(whole: PreproductRange) -> list[int]:
    """Products of distinct odd primes of which none divides another less 1, ascending."""
    spf = _least_factors(whole.high)
    return [p for p in range(whole.low | 1, whole.high, 2) if _is_admissible(_factor(p, spf))]


def _is_admissible(factors: tuple[int, ...]) -> bool:
    return all(p < q and (q - 1) % p != 0 for i, q in enumerate(factors) for p in factors[:i])


def _factor(number: int, spf: Integers) -> tuple[int, ...]:
    """The prime factors, ascending."""
    factors = []
    while number > 1:
        factors.append(int(spf[number]))
        number //= factors[-1]
    return tuple(factors)


def _least_factors(high: int) -> Integers:
    """Of all P < high, and all P + D with D < P."""
    return tables(1, (2 * high).bit_length()).spf


def _work(product: int, high: int) -> float:
    """About in proportion to the number of divisors that leave q > p, the largest prime of P."""
    spf, divisors = _least_factors(high), _divisor_counts((2 * high).bit_length())
    logarithm = math.log(product)
    share = 1 - math.log(_factor(product, spf)[-1]) / (2 * logarithm)
    return DIVISOR_S * product * logarithm * float(divisors[product - 1]) * share


@functools.lru_cache(maxsize=2)
def _divisor_counts(bits: int) -> Integers:
    """τ, the number of divisors, of each number below 2^bits."""
    counts = np.zeros(1 << bits, np.int64)
    for divisor in range(1, 1 << bits):
        counts[divisor::divisor] += 1
    return counts
