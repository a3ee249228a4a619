"""Trial division by small odd primes: a multiplication each, for many numbers at a time."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newral_kernels.jit import compiled, device
from newral_kernels.sieve import primes_between
from newral_kernels.words import U64, ZERO, inverse_word, umulh

LANES: Final = 256

# Where a further prime costs more than the strong tests that it spares.
WORD_PRIMES_BELOW: Final = 128
DOUBLE_PRIMES_BELOW: Final = 256

# For odd p, p divides n exactly when n·p⁻¹ mod 2^64 is at most ⌊(2^64 − 1)/p⌋: T. Granlund and
# P. L. Montgomery, Division by invariant integers using multiplication (1994), section 9.
_PRIMES: Final = np.array(primes_between(3, DOUBLE_PRIMES_BELOW), dtype=np.uint64)
_INVERSES: Final = np.array([pow(int(p), -1, 2**64) for p in _PRIMES], dtype=np.uint64)
_QUOTIENTS_MAX: Final = np.array([(2**64 - 1) // int(p) for p in _PRIMES], dtype=np.uint64)
_WORD_PRIMES: Final = int(np.searchsorted(_PRIMES, WORD_PRIMES_BELOW))


def _group_ends() -> list[int]:
    """Where to cut the primes, so that the product of each group is a word."""
    ends, product = [], 1
    for i, p in enumerate(_PRIMES):
        if product * int(p) >= 2**64:
            ends.append(i)
            product = 1
        product *= int(p)
    return [*ends, len(_PRIMES)]


_ENDS: Final = _group_ends()
_PRODUCTS: Final = np.array(
    [
        math.prod(int(p) for p in _PRIMES[start:end])
        for start, end in zip([0, *_ENDS], _ENDS, strict=False)
    ],
    dtype=np.uint64,
)
_GROUP_ENDS: Final = np.array(_ENDS, dtype=np.int64)


@compiled("int64(uint64[::1], int64[::1])")
def keep_undivided(ns: NDArray[U64], index: NDArray[np.int64]) -> int:
    """Keep those n >= 1 that none of the odd primes below 128 divides, or that are one of them."""
    values = np.empty(LANES, np.uint64)
    divided = np.empty(LANES, np.uint64)
    kept = 0
    for start in range(0, index.size, LANES):
        block = index[start : start + LANES]
        for lane in range(block.size):
            values[lane] = ns[block[lane]]
        divided[:] = ZERO
        _divide(values[: block.size], divided, 0, _WORD_PRIMES)
        for lane in range(block.size):
            index[kept] = block[lane]
            kept += divided[lane] == ZERO
    return kept


@compiled("int64(uint64[::1], uint64[::1], int64[::1])")
def keep_undivided_double(lows: NDArray[U64], highs: NDArray[U64], index: NDArray[np.int64]) -> int:
    """Keep those n from 2^64 to 2^127 - 1 that none of the odd primes below 256 divides.

    One step of Montgomery's reduction makes a word of n that has the same divisors among the
    primes of a group.
    """
    values = np.empty(LANES, np.uint64)
    divided = np.empty(LANES, np.uint64)
    kept = 0
    for start in range(0, index.size, LANES):
        block = index[start : start + LANES]
        divided[:] = ZERO
        first = 0
        for group in range(_PRODUCTS.size):
            product = _PRODUCTS[group]
            inverse = inverse_word(product)
            for lane in range(block.size):
                taken = umulh(lows[block[lane]] * inverse, product)
                value = highs[block[lane]] - taken
                # Below 2^64: a high word is below 2^63 and `taken` below the product.
                values[lane] = value + product if highs[block[lane]] < taken else value
            _divide(values[: block.size], divided, first, _GROUP_ENDS[group])
            first = _GROUP_ENDS[group]
        for lane in range(block.size):
            index[kept] = block[lane]
            kept += divided[lane] == ZERO
    return kept


@device
def _divide(values: NDArray[U64], divided: NDArray[U64], first: int, end: int) -> None:
    """Set to 1 where one of the primes divides a value, and is not the value."""
    for i in range(first, end):
        prime, inverse, most = _PRIMES[i], _INVERSES[i], _QUOTIENTS_MAX[i]
        for lane in range(values.size):
            n = values[lane]
            divided[lane] |= np.uint64(n * inverse <= most) & np.uint64(n != prime)
