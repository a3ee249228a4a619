"""Strong tests to base 2 of odd n of many words, a few numbers in turn."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from newral_kernels.jit import compiled, device
from newral_kernels.multi_words import (
    Pointer,
    Rows,
    bit_length,
    copy,
    get,
    get_bit,
    is_equal,
    is_word,
    minus,
    odd_part,
    power_of_2,
    put,
    row_of,
    step,
)
from newral_kernels.words import ONE, ZERO, inverse_word

LANES: Final = 4
"""Tests of several numbers at a time fill a processor's waits for results."""

SPACE_ROWS: Final = 2 * LANES + 5
_ZERO, _UNIT, _Y, _TOTAL = range(2 * LANES, 2 * LANES + 4)


@compiled("int64(uint64[:,::1], int64[::1], uint64[:,::1])")
def keep_strong_2_wide(rows: Rows, index: NDArray[np.int64], space: Rows) -> int:
    """Keep strong probable primes to base 2, for odd n of 2 words or more.

    `space` has `SPACE_ROWS` rows for this function's own use.
    """
    words = rows.shape[1]
    space[_ZERO] = ZERO
    space[_UNIT] = ZERO
    space[_UNIT, 0] = ONE
    zero, total = row_of(space, _ZERO), row_of(space, _TOTAL)
    left = np.empty(LANES, np.int64)
    twos = np.empty(LANES, np.int64)
    inverse = np.empty(LANES, np.uint64)
    kept = 0
    for start in range(0, index.size, LANES):
        block = index[start : start + LANES]
        most = 0
        for lane in range(block.size):
            n = row_of(rows, block[lane])
            d = row_of(space, LANES + lane)
            copy(d, n, words)
            put(d, 0, get(d, 0) - ONE)
            twos[lane] = odd_part(d, words)
            inverse[lane] = ZERO - inverse_word(get(n, 0))
            left[lane] = _begin(row_of(space, lane), d, n, words)
            most = max(most, left[lane])
        for bit in range(most - 1, -1, -1):
            for lane in range(block.size):
                if bit < left[lane]:
                    x, n = row_of(space, lane), row_of(rows, block[lane])
                    one = _negative_bit(row_of(space, LANES + lane), bit)
                    step(x, x, x, one, zero, n, inverse[lane], total, words)
        for lane in range(block.size):
            n = row_of(rows, block[lane])
            index[kept] = block[lane]
            kept += _passes(row_of(space, lane), twos[lane], n, inverse[lane], space, words)
    return kept


@device
def _begin(x: Pointer, d: Pointer, n: Pointer, words: int) -> int:
    """x becomes a power of 2 that stands for 2^(-⌈d/2^k⌉), without any arithmetic modulo n where
    there is such a k; the largest such k, the number of bits that are left."""
    bits = words * 64
    gap = bits - bit_length(n, words)
    k = bit_length(d, words)
    exponent = 1
    while exponent <= gap and k > 0:
        k -= 1
        exponent = 2 * exponent - int(np.int64(_negative_bit(d, k)))
    power_of_2(x, bits - exponent, n, words)
    return k


@device
def _negative_bit(d: Pointer, bit: int) -> np.uint64:
    """One bit of -d, for odd d: the lowest stays, the others are the opposite."""
    return get_bit(d, bit) ^ np.uint64(bit != 0)


@device
def _passes(x: Pointer, twos: int, n: Pointer, inverse: np.uint64, space: Rows, words: int) -> bool:
    """Whether x, which stands for 2^(-d), is 1, or -1 after less than `twos` squarings."""
    y, zero, unit = row_of(space, _Y), row_of(space, _ZERO), row_of(space, _UNIT)
    total = row_of(space, _TOTAL)
    step(y, x, unit, ZERO, zero, n, inverse, total, words)
    if is_word(y, ONE, words):
        return True
    minus_one = row_of(space, _TOTAL)
    for _ in range(twos):
        minus(minus_one, n, unit, words)
        if is_equal(y, minus_one, words):
            return True
        step(x, x, x, ZERO, zero, n, inverse, total, words)
        step(y, x, unit, ZERO, zero, n, inverse, total, words)
    return False
