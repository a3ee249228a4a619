"""The multiplicative order of 2 modulo each prime of a range, for compiled code and for Python.

The order divides p − 1. A segmented sieve finds the primes and, at each, the primes q of p − 1;
then q leaves the order as often as 2^((p−1)/q^j) ≡ 1 (mod p). What is raised to a power is
gathered first, and computed in batches.
"""

from __future__ import annotations

import functools
import math
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.float_residues import Doubles
from newral_kernels.jit import compiled, device
from newral_kernels.powers import LANES, Words, powers_of_two
from newral_kernels.sieve import primes_below
from newral_kernels.words import ONE, TWO, ZERO

ORDER_PRIME_MAX: Final = 2**34  # what a segment needs is room for no more
SEGMENT_WIDTH: Final = 2**18  # of p; what a segment needs stays in the second-level cache

Indices: TypeAlias = npt.NDArray[np.int32]

# A segment has at most 23,000 primes, and p − 1 at most ten prime factors.
_TESTS_MAX: Final = SEGMENT_WIDTH
_NONE: Final = np.int32(-1)
_COMPOSITE: Final = np.int32(-2)
_SEVEN: Final = np.uint64(7)


def primes_with_orders(low: int, high: int) -> tuple[Words, Words]:
    """The odd primes low <= p < high, ascending, and the order of 2 modulo each.

    Raises ValueError above high = 2^34. Holds up to 32 bytes for each prime at a time: go through a
    long range in parts.
    """
    if high > ORDER_PRIME_MAX:
        raise ValueError(f"orders are computed for primes below 2^34, not below {high}")
    width = max(high - max(low, 3), 2)
    # Brun and Titchmarsh: at most 2y/ln y primes are in an interval of width y (Montgomery and
    # Vaughan, The large sieve, 1973).
    room = min(width // 2, int(2 * width / math.log(width))) + 1
    primes, orders = np.empty(room, np.uint64), np.empty(room, np.uint64)
    count = fill_orders(low, high, sieving_primes(), primes, orders)
    return primes[:count].copy(), orders[:count].copy()


@functools.cache
def sieving_primes() -> Words:
    """The odd primes up to √2^34: those that `fill_orders` needs."""
    return np.array(primes_below(math.isqrt(ORDER_PRIME_MAX) + 1)[1:], np.uint64)


@compiled("int64(int64, int64, uint64[::1], uint64[::1], uint64[::1])")
def fill_orders(low: int, high: int, sieving: Words, primes: Words, orders: Words) -> int:
    """Write the odd primes low <= p < high and the orders of 2 modulo them; return their number.

    `sieving` is `sieving_primes()`; the arrays have room for what is found.
    """
    places = np.empty(SEGMENT_WIDTH // 2, np.int32)
    rests = np.empty(SEGMENT_WIDTH // 2, np.uint64)
    indices = np.empty(_TESTS_MAX, np.int32)
    divisors = np.empty(_TESTS_MAX, np.uint64)
    exponents = np.empty(_TESTS_MAX, np.uint64)
    batch, work = np.empty((4, LANES), np.uint64), np.empty((3, LANES), np.float64)
    count = 0
    for start in range(max(low, 3) | 1, high, SEGMENT_WIDTH):
        stop = min(start + SEGMENT_WIDTH, high)
        end = count + _sieve_primes(start, stop, sieving, places, primes[count:])
        _segment_orders(
            start,
            (stop - start + 1) // 2,
            sieving,
            places,
            primes[count:end],
            orders[count:end],
            rests,
            indices,
            divisors,
            exponents,
            batch,
            work,
        )
        count = end
    return count


@device
def _sieve_primes(start: int, stop: int, sieving: Words, places: Indices, primes: Words) -> int:
    """List the primes among the odd numbers of [start, stop), start odd, and write where in the
    list each number stands: `places[i]` for start + 2i, negative for composites."""
    length = (stop - start + 1) // 2
    places[:length] = _NONE
    for word in sieving:
        q = np.int64(word)
        if q * q >= stop:
            break
        multiple = max(q * q, (start + q - 1) // q * q)
        if multiple % 2 == 0:
            multiple += q
        for i in range((multiple - start) // 2, length, q):
            places[i] = _COMPOSITE
    count = 0
    for i in range(length):
        if places[i] == _NONE:
            places[i] = count
            primes[count] = np.uint64(start + 2 * i)
            count += 1
    return count


@device
def _segment_orders(
    start: int,
    length: int,
    sieving: Words,
    places: Indices,
    primes: Words,
    orders: Words,
    rests: Words,
    indices: Indices,
    divisors: Words,
    exponents: Words,
    batch: Words,
    work: Doubles,
) -> None:
    """Write the orders of 2 modulo the primes of a segment."""
    count = _tests_of_two(primes, orders, rests, indices, divisors, exponents)
    largest = np.int64(primes[-1]) if len(primes) else 0
    for q in sieving:
        step = np.int64(q)
        if step * step > largest:
            break
        # The odd p with q | p − 1 are those that are 1 modulo 2q.
        for i in range(((1 - start) // 2) % step, length, step):
            k = places[i]
            if k < 0:
                continue
            while rests[k] % q == ZERO:
                rests[k] //= q
            indices[count], divisors[count], exponents[count] = k, q, (primes[k] - ONE) // q
            count += 1
    for k in range(len(primes)):
        q = rests[k]
        if q > ONE:  # a prime: it has no factor up to √p
            indices[count], divisors[count], exponents[count] = k, q, (primes[k] - ONE) // q
            count += 1
    while count > 0:
        count = _run_tests(count, primes, orders, indices, divisors, exponents, batch, work)


@device
def _tests_of_two(
    primes: Words,
    orders: Words,
    rests: Words,
    indices: Indices,
    divisors: Words,
    exponents: Words,
) -> int:
    """Begin with p − 1 less the powers of 2 that quadratic reciprocity takes; return the number of
    tests that are left. `rests` become the odd parts of p − 1."""
    count = 0
    for k in range(len(primes)):
        p = primes[k]
        rest = p - ONE
        while rest & ONE == ZERO:
            rest >>= ONE
        rests[k] = rest
        residue = p & _SEVEN
        if residue in (ONE, _SEVEN):
            orders[k] = (p - ONE) >> ONE
            if residue == ONE:
                indices[count], divisors[count], exponents[count] = k, TWO, (p - ONE) >> TWO
                count += 1
        else:
            orders[k] = p - ONE
    return count


@device
def _run_tests(
    count: int,
    primes: Words,
    orders: Words,
    indices: Indices,
    divisors: Words,
    exponents: Words,
    batch: Words,
    work: Doubles,
) -> int:
    """Wherever 2^exponent ≡ 1, take the divisor from the order; keep the tests that follow."""
    kept = 0
    for first in range(0, count, LANES):
        for j in range(LANES):
            t = min(first + j, count - 1)
            batch[0, j], batch[1, j], batch[2, j] = primes[indices[t]], ZERO, exponents[t]
        powers_of_two(batch[0], batch[1], batch[2], batch[3], work)
        for j in range(min(LANES, count - first)):
            if batch[3, j] != ONE:
                continue
            t = first + j
            k, q, e = indices[t], divisors[t], exponents[t]
            orders[k] //= q
            if e % q == ZERO:
                indices[kept], divisors[kept], exponents[kept] = k, q, e // q
                kept += 1
    return kept
