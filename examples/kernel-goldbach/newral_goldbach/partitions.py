"""The mathematics: for every even number of a range the least prime p that makes n − p prime."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final

from newral_kernels.primality import is_prime_below_2_64
from newral_kernels.sieve import odd_flags, primes_below

# Up to 4·10^18 the least prime is at most 9781 (T. Oliveira e Silva, S. Herzog and S. Pardi,
# Math. Comp. 83, 2014).
LEAST_BELOW: Final = 10_000
ODD_PRIMES: Final = tuple(primes_below(LEAST_BELOW))[1:]
NONE: Final = 0
"""Stands for the least prime where there is none below `LEAST_BELOW`."""


def least_primes(start: int, stop: int) -> list[int]:
    """For each even n with start <= n < stop, from 6 on: p, or `NONE`."""
    first = max(start - LEAST_BELOW, 3) | 1
    is_prime = odd_flags(first, stop, primes_below(math.isqrt(stop) + 1))
    return [_least(n, first, is_prime) for n in range(start + start % 2, stop, 2)]


def is_least(n: int, p: int) -> bool:
    """Whether p is what `least_primes` has for n: some hundred tests of numbers at most."""
    smaller = (q for q in ODD_PRIMES if q < p or p == NONE)
    if any(_is_partition(n, q) for q in smaller):
        return False
    return p == NONE or (p in ODD_PRIMES and _is_partition(n, p))


def records(found: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Of pairs (n, p) by ascending n those with a larger p than all before."""
    largest = 0
    for n, p in found:
        if p > largest:
            largest = p
            yield n, p


def _least(n: int, first: int, is_prime: bytearray) -> int:
    offset = n - first
    for p in ODD_PRIMES:
        if p > offset:
            return NONE
        if is_prime[(offset - p) >> 1]:
            return p
    return NONE


def _is_partition(n: int, p: int) -> bool:
    return n - p > 2 and is_prime_below_2_64(n - p)
