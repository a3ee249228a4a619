"""Powers of 2 modulo many moduli at once, for compiled code.

Residues below 2^49 are kept in doubles (see `float_residues`), several of which one vector
instruction multiplies: five times as fast as 64-bit words where vectors have 512 bits. After J. van
der Hoeven, G. Lecerf and G. Quintin, Modular SIMD arithmetic in Mathemagix (ACM Trans. Math. Softw.
43, 2016), section 3.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.float_residues import Doubles, mul_mod, reduce_mod
from newral_kernels.jit import device
from newral_kernels.words import ONE, U64, WORD_BITS, ZERO, clz64, inverse_word, mont_mul, mont_one

LANES: Final = 32
"""Moduli of one batch: enough that no instruction waits for the one before."""
FAST_MIN: Final = 2**14
FAST_STOP: Final = 2**49
"""Moduli outside [2^14, 2^49) are computed one by one."""
EXPONENT_BITS_MAX: Final = 66

Words: TypeAlias = npt.NDArray[np.uint64]

_HEAD_BITS: Final = np.uint64(6)  # of an exponent: the power of 2 with which the chain starts
_FAST_MIN: Final = np.uint64(FAST_MIN)
_FAST_STOP: Final = np.uint64(FAST_STOP)
_LAST_BIT: Final = np.uint64(63)


@device
def powers_of_two(moduli: Words, highs: Words, lows: Words, residues: Words, work: Doubles) -> None:
    """Write 2^e mod n for each of `LANES` odd moduli 1 < n < 2^63 and exponents e < 2^66.

    Of e, `highs` holds the high and `lows` the low word. `work` is room of shape (3, LANES).
    """
    high = low = ZERO
    for j in range(LANES):
        high |= highs[j]
        low |= lows[j]
    bits = WORD_BITS + WORD_BITS - clz64(high) if high != ZERO else WORD_BITS - clz64(low | ONE)
    shift = bits - _HEAD_BITS if bits > _HEAD_BITS else ZERO
    _fast_powers(moduli, highs, lows, shift, residues, work[0], work[1], work[2])
    for j in range(LANES):
        if moduli[j] < _FAST_MIN or moduli[j] >= _FAST_STOP:
            residues[j] = power_of_two(moduli[j], highs[j], lows[j])


@device
def _fast_powers(
    moduli: Words,
    highs: Words,
    lows: Words,
    shift: U64,
    residues: Words,
    n: Doubles,
    inverse: Doubles,
    x: Doubles,
) -> None:
    """`powers_of_two` for moduli in [2^14, 2^49); what it writes for others means nothing.

    A step multiplies x by itself or by 2x. Let |x| <= 2n/3: then x·2x/n is below 8/9·2^49 in size,
    and the quotient, three times rounded before it becomes an integer, off by 8/9·2^49·3·2^−53 +
    1/2 < 2/3 at most. So what remains is at most 2n/3 again.
    """
    for j in range(LANES):
        n[j] = np.float64(np.int64(moduli[j]))
        inverse[j] = 1.0 / n[j]
        head = (highs[j] << ((WORD_BITS - shift) & _LAST_BIT)) | (lows[j] >> shift)
        power = np.float64(np.uint64(ONE << (head & _LAST_BIT)))
        x[j] = reduce_mod(power, n[j], inverse[j])
    while shift > ZERO:
        shift -= ONE
        for j in range(LANES):
            a = x[j]
            b = a + a if (lows[j] >> shift) & ONE else a
            x[j] = mul_mod(a, b, n[j], inverse[j])
    for j in range(LANES):
        residue = x[j] + n[j] if x[j] < 0.0 else x[j]
        residues[j] = np.uint64(np.int64(residue))


@device
def power_of_two(n: U64, high: U64, low: U64) -> U64:
    """2^(high·2^64 + low) mod n, for odd 1 < n < 2^63."""
    inverse = inverse_word(n)
    x = mont_one(n)
    for word, bits in ((high, WORD_BITS - clz64(high | ONE)), (low, WORD_BITS)):
        left = bits
        while left > ZERO:
            left -= ONE
            x = mont_mul(x, x, n, inverse)
            if (word >> left) & ONE:
                x += x
                x = x - n if x >= n else x
    return mont_mul(x, ONE, n, inverse)
