"""Small primes, by Eratosthenes over odd numbers."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from itertools import compress


def primes_below(stop: int) -> array[int]:
    """The primes p < stop, ascending."""
    return primes_between(0, stop)


def primes_between(start: int, stop: int) -> array[int]:
    """The primes start <= p < stop, ascending. Works on one byte for each odd number between."""
    primes = array("Q", [2] if start <= 2 < stop else [])
    first = max(start, 3) | 1
    if first >= stop:
        return primes
    flags = odd_flags(first, stop, primes_below(math.isqrt(stop - 1) + 1))
    primes.extend(compress(range(first, stop, 2), flags))
    return primes


def odd_flags(first: int, stop: int, primes: Iterable[int]) -> bytearray:
    """One byte for each odd number from `first`, odd, to below `stop`.

    It is 0 when a prime divides the number and is not the number itself, else 1. `primes` are all
    primes up to some bound.
    """
    length = (stop - first + 1) // 2
    flags = bytearray(b"\1") * length
    for p in primes:
        if p == 2:
            continue
        # The first odd multiple of p from both `first` and p² on; below p² a smaller prime struck.
        multiple = max(p * p, -(-first // p) * p)
        if multiple % 2 == 0:
            multiple += p
        index = (multiple - first) // 2
        if index < length:
            flags[index::p] = bytes(len(range(index, length, p)))
    return flags
