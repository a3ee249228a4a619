"""The primes and the least prime factors that a search looks up."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from newral_kernels.float_residues import integer
from newral_kernels.jit import compiled
from newral_kernels.preproducts.workspace import Bytes, Integers, Primes

SEGMENT_BITS = 16
PRIME_BITS_MAX = 31  # products of two primes and of their inverses stay below 2^63
_WIDTH = 2**18  # of a sieved interval: one byte for each odd number fits the L2 cache


class Tables(NamedTuple):
    """What all preproducts share."""

    primes: Primes
    """The odd primes, ascending."""
    starts: Integers
    """For each s, the index of the first prime >= s·2^16."""
    spf: Integers
    """The least prime factor of small numbers; 0 of 0."""


@functools.lru_cache(maxsize=2)
def tables(prime_bits: int, factor_bits: int) -> Tables:
    """Of the odd primes below 2^prime_bits, and of the numbers below 2^factor_bits."""
    if prime_bits > PRIME_BITS_MAX:
        raise ValueError(f"primes are listed below 2^{PRIME_BITS_MAX}, not below 2^{prime_bits}")
    bound = 1 << max(prime_bits, SEGMENT_BITS)
    room = int(1.26 * bound / math.log(bound))  # Rosser and Schoenfeld 1962: above π for bound > 1
    primes = np.empty(room, np.uint32)
    count = fill_primes(bound, np.empty(_WIDTH // 2, np.uint8), primes)
    primes = primes[:count].copy()
    segments = np.arange((bound >> SEGMENT_BITS) + 1, dtype=np.uint64) << np.uint64(SEGMENT_BITS)
    return Tables(primes, np.searchsorted(primes, segments), _least_factors(1 << factor_bits))


@compiled("int64(int64, uint8[::1], uint32[::1])")
def fill_primes(bound: int, flags: Bytes, primes: Primes) -> int:
    """Write the odd primes below the bound, for which there is room; return how many there are.

    The sieve of Eratosthenes, over intervals of twice as many numbers as there are flags.
    """
    root = integer(math.sqrt(bound)) + 1
    small = np.ones(root // 2 + 1, np.uint8)
    for i in range(1, root // 2 + 1):
        if small[i]:
            p = 2 * i + 1
            for j in range(p * p // 2, root // 2 + 1, p):
                small[j] = 0
    count = 0
    for low in range(0, bound, 2 * len(flags)):
        length = min(len(flags), (bound - low) // 2)
        flags[:length] = 1
        for i in range(1, root // 2 + 1):
            p = 2 * i + 1
            if small[i] and p * p < low + 2 * length:
                first = max(p * p, (low + p) // p * p)
                first += p * (1 - first % 2)
                for j in range((first - low) // 2, length, p):
                    flags[j] = 0
        for i in range(1 if low == 0 else 0, length):
            if flags[i]:
                primes[count] = np.uint32(low + 2 * i + 1)
                count += 1
    return count


def _least_factors(bound: int) -> Integers:
    factors = np.arange(bound, dtype=np.int64)
    for p in range(2, math.isqrt(bound) + 1):
        if factors[p] == p:
            multiples = factors[p * p :: p]
            multiples[multiples == np.arange(p * p, bound, p)] = p
    return factors
