"""Strong tests of odd n from 3 to 2^64 - 1."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from newral_kernels.jit import compiled, device
from newral_kernels.words import (
    ONE,
    U64,
    WORD_BITS,
    ZERO,
    add_mod,
    clz64,
    ctz64,
    div_rem_128,
    inverse_word,
    mont_mul,
    mont_one,
)

LANES: Final = 256
_HEAD_BITS: Final = np.uint64(6)  # of an exponent: t <= 64, for which 2^(64-t) is a word


@compiled("int64(uint64[::1], int64[::1], uint64[::1])")
def keep_strong_2(ns: NDArray[U64], index: NDArray[np.int64], residues: NDArray[U64]) -> int:
    """Keep strong probable primes to base 2.

    Where `residues` is not empty, its i-th value becomes 2^(-d) mod n for the i-th n, where
    n - 1 = d·2^s with d odd.

    It is computed from 2^(-t) for the leading bits of d, rounded up to t: in Montgomery form that
    is the word 2^(64-t), which saves six squarings.
    """
    n = np.empty(LANES, np.uint64)
    inverse = np.empty(LANES, np.uint64)
    x = np.empty(LANES, np.uint64)
    lacking = np.empty(LANES, np.uint64)
    kept = 0
    for start in range(0, index.size, LANES):
        block = index[start : start + LANES]
        tail = ZERO
        for lane in range(block.size):
            n[lane] = ns[block[lane]]
            inverse[lane] = inverse_word(n[lane])
            tail = max(tail, _tail_bits(n[lane] - ONE))
        for lane in range(block.size):
            x[lane], lacking[lane] = _head_2(n[lane], tail)
        _powers_2(x, lacking, tail, n[: block.size], inverse)
        for lane in range(block.size):
            if residues.size > 0:
                residues[start + lane] = mont_mul(x[lane], ONE, n[lane], inverse[lane])
            index[kept] = block[lane]
            kept += _passes(x[lane], n[lane], inverse[lane])
    return kept


@compiled("int64(uint64[::1], uint64, int64[::1])")
def keep_strong(ns: NDArray[U64], base: U64, index: NDArray[np.int64]) -> int:
    """Keep strong probable primes to a base that is no multiple of any n."""
    n = np.empty(LANES, np.uint64)
    inverse = np.empty(LANES, np.uint64)
    x = np.empty(LANES, np.uint64)
    factor = np.empty(LANES, np.uint64)
    odd_part = np.empty(LANES, np.uint64)
    kept = 0
    for start in range(0, index.size, LANES):
        block = index[start : start + LANES]
        bits = ZERO
        for lane in range(block.size):
            value = ns[block[lane]]
            n[lane], inverse[lane] = value, inverse_word(value)
            x[lane] = mont_one(value)
            _, factor[lane] = div_rem_128(base % value, ZERO, value)
            odd_part[lane] = (value - ONE) >> ctz64(value - ONE)
            bits = max(bits, WORD_BITS - clz64(odd_part[lane]))
        _powers(x, factor, odd_part, bits, n[: block.size], inverse)
        for lane in range(block.size):
            index[kept] = block[lane]
            kept += _passes(x[lane], n[lane], inverse[lane])
    return kept


@device
def _tail_bits(even: U64) -> U64:
    """The bits of the odd part of n - 1 behind its leading ones."""
    bits = WORD_BITS - clz64(even) - ctz64(even)
    return bits - _HEAD_BITS if bits > _HEAD_BITS else ZERO


@device
def _head_2(n: U64, tail: U64) -> tuple[U64, U64]:
    """2^(-t) in Montgomery form and t·2^tail - d, for the least t for which that is >= 0."""
    odd_part = (n - ONE) >> ctz64(n - ONE)
    t = (odd_part + ((ONE << tail) - ONE)) >> tail
    power = ONE << (WORD_BITS - t)
    return power if power < n else power % n, (t << tail) - odd_part


@device
def _powers_2(
    x: NDArray[U64], lacking: NDArray[U64], tail: U64, n: NDArray[U64], inverse: NDArray[U64]
) -> None:
    """Square x `tail` times; double it where `lacking` has a bit."""
    bit = tail
    while bit > ZERO:
        bit -= ONE
        for lane in range(n.size):
            square = mont_mul(x[lane], x[lane], n[lane], inverse[lane])
            double = add_mod(square, square, n[lane])
            x[lane] = double if (lacking[lane] >> bit) & ONE else square


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
        for lane in range(n.size):
            square = mont_mul(x[lane], x[lane], n[lane], inverse[lane])
            product = mont_mul(square, factor[lane], n[lane], inverse[lane])
            x[lane] = product if (exponent[lane] >> bit) & ONE else square


@device
def _passes(x: U64, n: U64, inverse: U64) -> bool:
    """Whether x = ±1, or x^(2^r) = -1 for some r < s, where n - 1 = d·2^s; in Montgomery form."""
    one = mont_one(n)
    minus_one = n - one
    if x in (one, minus_one):
        return True
    for _ in range(np.int64(ctz64(n - ONE)) - 1):
        x = mont_mul(x, x, n, inverse)
        if x == minus_one:
            return True
    return False
