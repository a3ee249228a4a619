"""Strong tests of odd n from 2^64 to 2^127 - 1, given as arrays of low and high words."""

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
    mont_mul_double,
    mont_one_double,
    mont_reduce_double,
    mont_square_double,
    multiple_double,
    shift_left_double,
    shift_right_double,
    sub_double,
)
from newral_kernels.jit import compiled, device
from newral_kernels.words import ONE, U64, WORD_BITS, ZERO, inverse_word

LANES: Final = 128
_HEAD_BITS: Final = np.uint64(7)  # of an exponent: t <= 128; if t >= 64, then 2^(128-t) < n


@compiled("int64(uint64[::1], uint64[::1], int64[::1], uint64[:,::1])")
def keep_strong_2_double(
    lows: NDArray[U64], highs: NDArray[U64], index: NDArray[np.int64], residues: NDArray[U64]
) -> int:
    """Keep strong probable primes to base 2.

    Where `residues` has rows, its i-th becomes low and high word of 2^(-d) modulo the i-th n, where
    n - 1 = d·2^s with d odd. For the method see `newral_kernels.lanes.strong.keep_strong_2`.
    """
    n = np.empty((2, LANES), np.uint64)
    inverse = np.empty(LANES, np.uint64)
    x = np.empty((2, LANES), np.uint64)
    lacking = np.empty((2, LANES), np.uint64)
    kept = 0
    for start in range(0, index.size, LANES):
        block = index[start : start + LANES]
        tail = ZERO
        for lane in range(block.size):
            n0, n1 = lows[block[lane]], highs[block[lane]]
            n[0, lane], n[1, lane] = n0, n1
            inverse[lane] = ZERO - inverse_word(n0)
            tail = max(tail, _tail_bits(n0 - ONE, n1))
        for lane in range(block.size):
            x0, x1, lacking0, lacking1 = _head_2(n[0, lane], n[1, lane], tail)
            x[0, lane], x[1, lane] = x0, x1
            lacking[0, lane], lacking[1, lane] = lacking0, lacking1
        _powers_2(x, lacking, tail, n[:, : block.size], inverse)
        for lane in range(block.size):
            x0, x1, n0, n1 = x[0, lane], x[1, lane], n[0, lane], n[1, lane]
            y0, y1 = mont_reduce_double(x0, x1, n0, n1, inverse[lane])
            if residues.shape[0] > 0:
                residues[start + lane, 0], residues[start + lane, 1] = y0, y1
            index[kept] = block[lane]
            kept += _passes(x0, x1, y0, y1, n0, n1, inverse[lane])
    return kept


@compiled("int64(uint64[::1], uint64[::1], uint64, int64[::1], uint64[:,::1])")
def keep_strong_double(
    lows: NDArray[U64],
    highs: NDArray[U64],
    base: U64,
    index: NDArray[np.int64],
    residues: NDArray[U64],
) -> int:
    """Keep strong probable primes to a base from 2 to 2^64 - 1.

    Where `residues` has rows, its i-th becomes low and high word of base^d modulo the i-th n.
    """
    n = np.empty((2, LANES), np.uint64)
    inverse = np.empty(LANES, np.uint64)
    x = np.empty((2, LANES), np.uint64)
    factor = np.empty((2, LANES), np.uint64)
    exponent = np.empty((2, LANES), np.uint64)
    kept = 0
    for start in range(0, index.size, LANES):
        block = index[start : start + LANES]
        bits = ZERO
        for lane in range(block.size):
            n0, n1 = lows[block[lane]], highs[block[lane]]
            n[0, lane], n[1, lane] = n0, n1
            inverse[lane] = ZERO - inverse_word(n0)
            one0, one1 = mont_one_double(n0, n1)
            x[0, lane], x[1, lane] = one0, one1
            factor[0, lane], factor[1, lane] = multiple_double(base, one0, one1, n0, n1)
            d0, d1 = shift_right_double(n0 - ONE, n1, ctz_double(n0 - ONE, n1))
            exponent[0, lane], exponent[1, lane] = d0, d1
            bits = max(bits, DOUBLE_BITS - clz_double(d0, d1))
        _powers(x, factor, exponent, bits, n[:, : block.size], inverse)
        for lane in range(block.size):
            x0, x1, n0, n1 = x[0, lane], x[1, lane], n[0, lane], n[1, lane]
            y0, y1 = mont_reduce_double(x0, x1, n0, n1, inverse[lane])
            if residues.shape[0] > 0:
                residues[start + lane, 0], residues[start + lane, 1] = y0, y1
            index[kept] = block[lane]
            kept += _passes(x0, x1, y0, y1, n0, n1, inverse[lane])
    return kept


@device
def _tail_bits(m0: U64, m1: U64) -> U64:
    """The bits of the odd part of n - 1 behind its leading ones."""
    bits = DOUBLE_BITS - clz_double(m0, m1) - ctz_double(m0, m1)
    return bits - _HEAD_BITS if bits > _HEAD_BITS else ZERO


@device
def _head_2(n0: U64, n1: U64, tail: U64) -> tuple[U64, U64, U64, U64]:
    """2^(-t) in Montgomery form and t·2^tail - d, for the least t for which that is >= 0."""
    d0, d1 = shift_right_double(n0 - ONE, n1, ctz_double(n0 - ONE, n1))
    ones0, ones1 = shift_left_double(ONE, ZERO, tail)
    ones0, ones1 = sub_double(ones0, ones1, ONE, ZERO)
    sum0, sum1 = add_double(d0, d1, ones0, ones1)
    t, _ = shift_right_double(sum0, sum1, tail)
    full0, full1 = shift_left_double(t, ZERO, tail)
    lacking0, lacking1 = sub_double(full0, full1, d0, d1)
    x0, x1 = _inverse_power_of_2(t, n0, n1)
    return x0, x1, lacking0, lacking1


@device
def _inverse_power_of_2(t: U64, n0: U64, n1: U64) -> Pair:
    """2^(-t) in Montgomery form, that is 2^(128-t) mod n, for t from 1 to 128."""
    if t >= WORD_BITS:
        return shift_left_double(ONE, ZERO, DOUBLE_BITS - t)
    x0, x1 = mont_one_double(n0, n1)
    while t > ZERO:
        t -= ONE
        if x0 & ONE:
            x0, x1 = add_double(x0, x1, n0, n1)
        x0, x1 = shift_right_double(x0, x1, ONE)
    return x0, x1


@device
def _powers_2(
    x: NDArray[U64], lacking: NDArray[U64], tail: U64, n: NDArray[U64], inverse: NDArray[U64]
) -> None:
    """Square x `tail` times; double it where `lacking` has a bit."""
    bit = tail
    while bit > ZERO:
        bit -= ONE
        word = lacking[np.int64(bit >> LOG_WORD_BITS)]
        for lane in range(n.shape[1]):
            x0, x1 = x[0, lane], x[1, lane]
            double0, double1 = shift_left_double(x0, x1, (word[lane] >> (bit & BIT_MASK)) & ONE)
            x[0, lane], x[1, lane] = mont_mul_double(
                x0, x1, double0, double1, n[0, lane], n[1, lane], inverse[lane]
            )


@device
def _powers(
    x: NDArray[U64],
    factor: NDArray[U64],
    exponent: NDArray[U64],
    bits: U64,
    n: NDArray[U64],
    inverse: NDArray[U64],
) -> None:
    """Square x for each bit of the exponent, multiply it by the factor where that is 1."""
    bit = bits
    while bit > ZERO:
        bit -= ONE
        word = exponent[np.int64(bit >> LOG_WORD_BITS)]
        for lane in range(n.shape[1]):
            n0, n1 = n[0, lane], n[1, lane]
            s0, s1 = mont_square_double(x[0, lane], x[1, lane], n0, n1, inverse[lane])
            p0, p1 = mont_mul_double(
                s0, s1, factor[0, lane], factor[1, lane], n0, n1, inverse[lane]
            )
            one = (word[lane] >> (bit & BIT_MASK)) & ONE
            x[0, lane], x[1, lane] = p0 if one else s0, p1 if one else s1


@device
def _passes(x0: U64, x1: U64, y0: U64, y1: U64, n0: U64, n1: U64, inverse: U64) -> bool:
    """Whether y = ±1, or x^(2^r) = -1 for some r < s, where n - 1 = d·2^s; x stands for y."""
    if y1 == ZERO and y0 == ONE:
        return True
    for _ in range(np.int64(ctz_double(n0 - ONE, n1)) - 1):
        if y0 == n0 - ONE and y1 == n1:
            return True
        x0, x1 = mont_square_double(x0, x1, n0, n1, inverse)
        y0, y1 = mont_reduce_double(x0, x1, n0, n1, inverse)
    return bool(y0 == n0 - ONE and y1 == n1)
