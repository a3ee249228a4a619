"""Strong tests to bases up to 5 of odd n from 3 to 2^127 - 1, on processors with AVX-512 IFMA."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from newral_kernels.double_words import (
    BIT_MASK,
    DOUBLE_BITS,
    LOG_WORD_BITS,
    Pair,
    add_double,
    clz_double,
    ctz_double,
    power_of_2_double,
    shift_left_double,
    shift_right_double,
    sub_double,
)
from newral_kernels.jit import compiled, device
from newral_kernels.lanes.ifma_steps import multiply_and_add, square_and_double, square_and_scale
from newral_kernels.lanes.limbs import LIMB_BITS, LIMBS_MAX, get_limbs, set_limbs
from newral_kernels.lanes.limbs import negative_inverse as inverse_of
from newral_kernels.words import ONE, TWO, U64, ZERO

LANES: Final = 128
PASSED: Final = -1
"""Instead of the number of squarings that are left for a lane."""
_HEAD_BITS: Final = np.uint64(6)  # of an exponent: t <= 64 < 52·limbs


@compiled("int64(uint64[::1], uint64[::1], uint64, int64[::1], int64, uint64[:,::1])")
def keep_strong_ifma(
    lows: NDArray[U64],
    highs: NDArray[U64],
    base: U64,
    index: NDArray[np.int64],
    limbs: int,
    residues: NDArray[U64],
) -> int:
    """Keep strong probable primes to a base from 2 to 5, for n < 2^(52·limbs - 7).

    `residues` as in `newral_kernels.lanes.strong_double`: a^d, but 2^(-d).
    """
    n = np.empty((LIMBS_MAX, LANES), np.uint64)
    x = np.empty((LIMBS_MAX, LANES), np.uint64)
    y = np.empty((LIMBS_MAX, LANES), np.uint64)
    unit = np.zeros((LIMBS_MAX, LANES), np.uint64)
    unit[0] = ONE
    zero = np.zeros((LIMBS_MAX, LANES), np.uint64)
    inverse = np.empty(LANES, np.uint64)
    exponent = np.empty((2, LANES), np.uint64)
    rounds = np.empty(LANES, np.int64)
    kept = 0
    for start in range(0, index.size, LANES):
        block = index[start : start + LANES]
        head_bits = _HEAD_BITS if base == TWO else ZERO
        tail = ZERO
        for lane in range(block.size):
            bits = _odd_bits(lows[block[lane]] - ONE, highs[block[lane]])
            tail = max(tail, bits - min(bits, head_bits))
        for lane in range(block.size):
            n0, n1 = lows[block[lane]], highs[block[lane]]
            set_limbs(n, lane, n0, n1)
            inverse[lane] = inverse_of(n0)
            t = ZERO
            if base == TWO:
                t, exponent[0, lane], exponent[1, lane] = _head_2(n0, n1, tail)
            else:
                exponent[0, lane], exponent[1, lane] = _odd_part(n0 - ONE, n1)
            x0, x1 = power_of_2_double(np.uint64(limbs) * LIMB_BITS - t, n0, n1)
            set_limbs(x, lane, x0, x1)
            rounds[lane] = np.int64(ctz_double(n0 - ONE, n1))
        _powers(x, exponent, tail, base, n, inverse, limbs, block.size)
        multiply_and_add(y, x, unit, zero, n, inverse, limbs, block.size)
        for lane in range(block.size):
            y0, y1 = get_limbs(y, lane, limbs)
            if residues.shape[0] > 0:
                residues[start + lane, 0], residues[start + lane, 1] = y0, y1
            if y0 == ONE and y1 == ZERO:
                rounds[lane] = PASSED
        _square_on(y, x, unit, zero, n, inverse, limbs, rounds[: block.size])
        for lane in range(block.size):
            index[kept] = block[lane]
            kept += rounds[lane] == PASSED
    return kept


@device
def _odd_part(m0: U64, m1: U64) -> Pair:
    return shift_right_double(m0, m1, ctz_double(m0, m1))


@device
def _odd_bits(m0: U64, m1: U64) -> U64:
    """Of the odd part."""
    return DOUBLE_BITS - clz_double(m0, m1) - ctz_double(m0, m1)


@device
def _head_2(n0: U64, n1: U64, tail: U64) -> tuple[U64, U64, U64]:
    """t and, in two words, t·2^tail - d, for the least t for which that is >= 0."""
    d0, d1 = _odd_part(n0 - ONE, n1)
    ones0, ones1 = shift_left_double(ONE, ZERO, tail)
    ones0, ones1 = sub_double(ones0, ones1, ONE, ZERO)
    sum0, sum1 = add_double(d0, d1, ones0, ones1)
    t, _ = shift_right_double(sum0, sum1, tail)
    full0, full1 = shift_left_double(t, ZERO, tail)
    lacking0, lacking1 = sub_double(full0, full1, d0, d1)
    return t, lacking0, lacking1


@device
def _powers(
    x: NDArray[U64],
    exponent: NDArray[U64],
    bits: U64,
    base: U64,
    n: NDArray[U64],
    inverse: NDArray[U64],
    limbs: int,
    lanes: int,
) -> None:
    """Square x for each bit of the exponent, multiply it by the base where that is 1."""
    bit = bits
    while bit > ZERO:
        bit -= ONE
        word = exponent[np.int64(bit >> LOG_WORD_BITS)]
        if base == TWO:
            square_and_double(x, word, n, inverse, bit & BIT_MASK, limbs, lanes)
        else:
            square_and_scale(x, word, base, n, inverse, bit & BIT_MASK, limbs, lanes)


@device
def _square_on(
    y: NDArray[U64],
    x: NDArray[U64],
    unit: NDArray[U64],
    zero: NDArray[U64],
    n: NDArray[U64],
    inverse: NDArray[U64],
    limbs: int,
    rounds: NDArray[np.int64],
) -> None:
    """Mark as `PASSED` where one of the next `rounds` values of x, x², x⁴, … is -1, y being x."""
    while True:
        left = 0
        for lane in range(rounds.size):
            if rounds[lane] > 0:
                y0, y1 = get_limbs(y, lane, limbs)
                m0, m1 = get_limbs(n, lane, limbs)
                rounds[lane] = PASSED if y0 == m0 - ONE and y1 == m1 else rounds[lane] - 1
                left += rounds[lane] > 0
        if left == 0:
            break
        square_and_double(x, zero[0], n, inverse, ZERO, limbs, rounds.size)
        multiply_and_add(y, x, unit, zero, n, inverse, limbs, rounds.size)
