"""Fermat residues of n modulo its cofactor, in lock-step, for compiled code.

Where p | n = p·s and n ≡ 1 modulo the order of 2 modulo p, what p asks is fulfilled: 2^(n−1) has to
be computed modulo s alone, which is one word where n is up to two.

Residues below 2^49 are kept in doubles (see `float_residues`): several of them are multiplied by
one vector instruction. Others are in Montgomery form.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.borrowing import borrowing
from newral_kernels.float_residues import mul_mod, reduce_mod
from newral_kernels.jit import device
from newral_kernels.words import (
    HALF_BITS,
    HALF_MASK,
    ONE,
    TWO,
    U64,
    WORD_BITS,
    ZERO,
    clz64,
    inverse_word,
    mont_one,
    umulh,
)

LANES: Final = 64
"""Cofactors of one batch: enough that no instruction waits for the one before."""

Words: TypeAlias = npt.NDArray[np.uint64]
Doubles: TypeAlias = npt.NDArray[np.float64]

_FLOAT_MIN: Final = np.uint64(2**14)
_FLOAT_STOP: Final = np.uint64(2**49)
_HEAD_BITS: Final = np.uint64(6)  # of an exponent: the power of 2 with which a chain starts
_LAST_BIT: Final = np.uint64(63)


class Workspace(NamedTuple):
    """Room for a batch: exponents n − 1 in two words, residues, and what the chains need."""

    high: Words
    low: Words
    residues: Words
    inverse: Words
    x: Doubles
    n: Doubles
    reciprocal: Doubles


@device
def workspace() -> Workspace:
    """A new one."""
    return Workspace(
        np.empty(LANES, np.uint64),
        np.empty(LANES, np.uint64),
        np.empty(LANES, np.uint64),
        np.empty(LANES, np.uint64),
        np.empty(LANES, np.float64),
        np.empty(LANES, np.float64),
        np.empty(LANES, np.float64),
    )


@borrowing
def fermat_residues(primes: Words, cofactors: Words, count: int, work: Workspace) -> None:
    """Write 2^(p·s − 1) mod s to `work.residues`, for `count` primes p and odd s from 3 to 2^61."""
    least, largest, top = ~ZERO, ZERO, ZERO
    for j in range(count, LANES):
        primes[j], cofactors[j] = primes[0], cofactors[0]
    for j in range(LANES):
        s = cofactors[j]
        work.high[j] = umulh(primes[j], s)
        work.low[j] = primes[j] * s - ONE  # odd less 1: no borrow from the high word
        least, largest, top = min(least, s), max(largest, s), max(top, work.high[j])
    if top == ZERO:
        for j in range(LANES):
            top = max(top, work.low[j])
        bits = WORD_BITS - clz64(top)
    else:
        bits = TWO * WORD_BITS - clz64(top)
    if least >= _FLOAT_MIN and largest < _FLOAT_STOP:
        _float_powers(cofactors, bits, work)
    else:
        _word_powers(cofactors, bits, work)


@borrowing
def _float_powers(cofactors: Words, bits: U64, work: Workspace) -> None:
    """For s in [2^14, 2^49), and exponents of at least 6 bits.

    A step multiplies x by itself or by 2x. Let |x| <= 2s/3: then x·2x/s is below 8/9·2^49 in size,
    and the quotient, three times rounded before it becomes an integer, off by 8/9·2^49·3·2^−53 +
    1/2 < 2/3 at most. So what remains is at most 2s/3 again.
    """
    x, n, reciprocal = work.x, work.n, work.reciprocal
    shift = bits - _HEAD_BITS
    for j in range(LANES):
        n[j] = np.float64(np.int64(cofactors[j]))
        reciprocal[j] = 1.0 / n[j]
        head = _bits_from(work.high[j], work.low[j], shift)
        x[j] = reduce_mod(np.float64(np.int64(ONE << head)), n[j], reciprocal[j])
    if shift > WORD_BITS:
        _float_steps(work.high, shift - WORD_BITS, x, n, reciprocal)
        shift = WORD_BITS
    _float_steps(work.low, shift, x, n, reciprocal)
    for j in range(LANES):
        residue = x[j] + n[j] if x[j] < 0.0 else x[j]
        work.residues[j] = np.uint64(np.int64(residue))


@borrowing
def _float_steps(word: Words, bits: U64, x: Doubles, n: Doubles, reciprocal: Doubles) -> None:
    """Go on with the last bits of a word of the exponents."""
    while bits > ZERO:
        bits -= ONE
        for j in range(LANES):
            a = x[j]
            b = a + a if (word[j] >> bits) & ONE else a
            x[j] = mul_mod(a, b, n[j], reciprocal[j])


@borrowing
def _bits_from(high: U64, low: U64, shift: U64) -> U64:
    """⌊(high·2^64 + low)/2^shift⌋, of which 6 bits are left."""
    if shift >= WORD_BITS:
        return high >> (shift - WORD_BITS)
    return low >> shift if shift == ZERO else (high << (WORD_BITS - shift)) | (low >> shift)


@borrowing
def _word_powers(cofactors: Words, bits: U64, work: Workspace) -> None:
    """For odd s from 3 to 2^61, in Montgomery form.

    A step multiplies x by itself or by 2x. Let x < 2s: then x·2x < 8s² <= s·2^64, and
    what is left of it is below 2s again.
    """
    x, inverse = work.residues, work.inverse
    for j in range(LANES):
        inverse[j] = (ZERO - inverse_word(cofactors[j])) & HALF_MASK
        x[j] = mont_one(cofactors[j])
    if bits > WORD_BITS:
        _word_steps(work.high, bits - WORD_BITS, x, cofactors, inverse)
        bits = WORD_BITS
    _word_steps(work.low, bits, x, cofactors, inverse)
    for j in range(LANES):
        residue = _halves_mul(x[j], ONE, cofactors[j], inverse[j])
        x[j] = min(residue, residue - cofactors[j])


@borrowing
def _word_steps(word: Words, bits: U64, x: Words, cofactors: Words, inverse: Words) -> None:
    """Go on with the last bits of a word of the exponents."""
    while bits > ZERO:
        bits -= ONE
        for j in range(LANES):
            a = x[j]
            b = a << ((word[j] >> bits) & ONE)
            x[j] = _halves_mul(a, b, cofactors[j], inverse[j])


@borrowing
def _halves_mul(a: U64, b: U64, s: U64, inverse: U64) -> U64:
    """a·b/2^64 modulo s, below 2s, for a < 2s, b < 4s, s < 2^61 and inverse·s ≡ −1 (mod 2^32).

    By 32-bit digits: vectors of words have products of those, and none of whole words.
    """
    a0, a1, b0, b1 = a & HALF_MASK, a >> HALF_BITS, b & HALF_MASK, b >> HALF_BITS
    s0, s1 = s & HALF_MASK, s >> HALF_BITS
    t = a0 * b0
    m = ((t & HALF_MASK) * inverse) & HALF_MASK
    t = (t >> HALF_BITS) + ((m * s0 + (t & HALF_MASK)) >> HALF_BITS)
    t += a0 * b1 + a1 * b0 + m * s1  # below 13/16·2^64
    m = ((t & HALF_MASK) * inverse) & HALF_MASK
    carry = (m * s0 + (t & HALF_MASK)) >> HALF_BITS
    return a1 * b1 + (t >> HALF_BITS) + m * s1 + carry
