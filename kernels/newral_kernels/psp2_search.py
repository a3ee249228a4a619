"""The search of a domain for base-2 pseudoprimes, leaf by leaf, by compiled code.

Let p be the least prime factor of n and s = n/p. Then 2^(n−1) ≡ 1 (mod p) says that the order of 2
modulo p divides n − 1, hence s − 1: the s of a p form one arithmetic progression (J. Feitsma and
W. Galway, 2013). No prime below p divides s, so that a sieve leaves few terms, of which each is
tested by one power of 2: modulo s is enough, since modulo p nothing is left to test. Where
p³ >= stop, s is prime, and 2^(n−1) ≡ 2^(p−1) (mod s) makes the exponent short.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from newral_kernels.commitment import leaf
from newral_kernels.orders import fill_orders, primes_with_orders
from newral_kernels.powers import Words
from newral_kernels.psp2_domain import Domain
from newral_kernels.psp2_pairs import scan_pairs
from newral_kernels.psp2_scan import fill_progressions, scan, scan_tables
from newral_kernels.words import U64

CHUNK_WIDTH: Final = 2**20  # of p: far more than √p, up to which it is sieved
FOUND_MAX: Final = 2**16  # of a leaf: one in many thousand terms passes


class LeafSearch(Protocol):
    """Searches single leaves of a domain."""

    def leaves(self, first: int, last: int) -> Iterator[SearchedLeaf]:
        """Search the leaves of [first, last), in order."""


@dataclass(frozen=True, slots=True)
class SearchedLeaf:
    """Its commitment, and the pairs (p, s) with 2^e ≡ 1 (mod s) for the exponent e of `scan`."""

    tag: bytes
    found: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Progressions:
    """For each of some primes: the order of 2, the first s, the step and the number of terms."""

    primes: Words
    orders: Words
    firsts: Words
    steps: Words
    counts: Words

    @classmethod
    def of(cls, domain: Domain, primes: Words, orders: Words) -> _Progressions:
        """Those of some primes."""
        firsts, steps, counts = (np.empty(len(primes), np.uint64) for _ in range(3))
        fill_progressions(
            primes, orders, *_words(domain.start), *_words(domain.stop), firsts, steps, counts
        )
        return cls(primes, orders, firsts, steps, counts)

    def part(self, first: int, last: int) -> _Progressions:
        """Those of the primes with these indices."""
        fields = (self.primes, self.orders, self.firsts, self.steps, self.counts)
        return _Progressions(*(field[first:last] for field in fields))

    def terms(self, before: Words, first: int, last: int) -> _Progressions:
        """What terms number `first` to `last` − 1 of all are; of a prime `before` are earlier."""
        zero, begin, end = np.uint64(0), np.uint64(first), np.uint64(last)
        head = int(np.searchsorted(before, begin, "right")) - 1
        part = self.part(head, int(np.searchsorted(before, end, "left")))
        before = before[head : head + len(part.primes)]
        skipped = np.where(before < begin, begin - before, zero)
        kept = np.minimum(part.counts, end - before) - np.minimum(skipped, part.counts)
        some = kept > zero
        return _Progressions(
            part.primes[some],
            part.orders[some],
            (part.firsts + skipped * part.steps)[some],
            part.steps[some],
            kept[some],
        )


class _Searcher:
    """Searches parts that are given as progressions."""

    def __init__(self, domain: Domain) -> None:
        self._full_below = U64(domain.full_below)
        self._sieving, self._masks = scan_tables()
        self._found = np.empty((FOUND_MAX, 2), np.uint64)

    def search(self, part: _Progressions) -> SearchedLeaf:
        tested, total, passed = scan(
            part.primes,
            part.firsts,
            part.steps,
            part.counts,
            self._full_below,
            self._sieving,
            self._masks,
            self._found,
        )
        orders = int((part.primes * part.orders).sum())
        return _searched([tested, total, orders], self._found, passed)


class _ByTerms:
    """Leaves of equal numbers of terms, over the progressions of all primes one after the other."""

    def __init__(self, domain: Domain) -> None:
        self._count = domain.leaves
        self._all = _Progressions.of(domain, *primes_with_orders(domain.low, domain.high))
        ends = np.cumsum(self._all.counts)
        self._terms = int(ends[-1]) if len(ends) else 0
        self._before = ends - self._all.counts
        self._searcher = _Searcher(domain)

    def leaves(self, first: int, last: int) -> Iterator[SearchedLeaf]:
        for index in range(first, last):
            low, high = (self._terms * end // self._count for end in (index, index + 1))
            part = self._all.part(0, 0) if low == high else self._all.terms(self._before, low, high)
            yield self._searcher.search(part)


class _ByPrimes:
    """Leaves of equally wide intervals of p."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._searcher = _Searcher(domain)

    def leaves(self, first: int, last: int) -> Iterator[SearchedLeaf]:
        domain = self._domain
        for primes, orders in _intervals(domain.low, domain.high, domain.leaves, first, last):
            yield self._searcher.search(_Progressions.of(domain, primes, orders))


class _ByPairs:
    """Leaves of equally wide intervals of the second prime factor, each with all of the first."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._primes, orders = primes_with_orders(domain.low, domain.high)
        self._steps = _even(orders)
        primes = self._primes.tolist()
        self._lows = np.array([-(-domain.start // p) for p in primes], np.uint64)
        self._stops = np.array([-(-domain.stop // p) for p in primes], np.uint64)
        self._found = np.empty((FOUND_MAX, 2), np.uint64)

    def leaves(self, first: int, last: int) -> Iterator[SearchedLeaf]:
        low, high = self._domain.low, max(self._domain.seconds_stop, self._domain.low)
        for seconds, orders in _intervals(low, high, self._domain.leaves, first, last):
            inverses, tested, total, passed = scan_pairs(
                self._primes,
                self._steps,
                self._lows,
                self._stops,
                seconds,
                _even(orders),
                self._found,
            )
            yield _searched([tested, total, inverses], self._found, passed)


def prepare() -> None:
    """Compile or load what a search runs."""
    for function in (fill_orders, fill_progressions, scan, scan_pairs):
        function.prepare()


def search(domain: Domain) -> LeafSearch:
    """What searches the leaves of the domain; nothing is searched yet."""
    if domain.factors == "more":
        return _ByPairs(domain)
    return _ByTerms(domain) if domain.by_terms else _ByPrimes(domain)


def _intervals(
    low: int, high: int, count: int, first: int, last: int
) -> Iterator[tuple[Words, Words]]:
    """The primes, with orders, of each of the intervals first <= i < last out of `count` equally
    wide ones of [low, high)."""
    span = high - low
    together = max(CHUNK_WIDTH * count // max(span, 1), 1)
    for chunk in range(first, last, together):
        indices = range(chunk, min(chunk + together, last) + 1)
        cuts = [low + span * index // count for index in indices]
        primes, orders = primes_with_orders(cuts[0], cuts[-1])
        ends = np.searchsorted(primes, np.array(cuts, np.uint64)).tolist()
        for start, stop in itertools.pairwise(ends):
            yield primes[start:stop], orders[start:stop]


def _searched(words: Sequence[int | U64], found: Words, passed: int | U64) -> SearchedLeaf:
    if passed > FOUND_MAX:
        raise OverflowError(f"{passed} terms of a leaf pass, and {FOUND_MAX} are kept")
    pairs = [(int(p), int(s)) for p, s in found[: int(passed)]]
    return SearchedLeaf(leaf(struct.pack("<3Q", *map(int, words))), pairs)


def _even(orders: Words) -> Words:
    """Their least even multiples."""
    return orders << (orders & np.uint64(1))


def _words(bound: int) -> tuple[U64, U64]:
    """bound − 1 in two words, the high one first."""
    high, low = divmod(bound - 1, 2**64)
    return U64(high), U64(low)
