"""The stages for numbers of two words, by the fastest code that this machine can run.

They return the same, residues included, whichever it is.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from newral_kernels.double_words import DOUBLE_WORD_BITS_MAX
from newral_kernels.jit import Compiled
from newral_kernels.lanes.ifma import FACTOR_MAX, LIMB_BITS, SLACK_BITS, is_available
from newral_kernels.lanes.limbs import LIMBS_MAX
from newral_kernels.lanes.lucas import STRONG
from newral_kernels.lanes.lucas_double import keep_lucas_double
from newral_kernels.lanes.lucas_ifma import keep_strong_lucas_ifma
from newral_kernels.lanes.strong_double import keep_strong_2_double, keep_strong_double
from newral_kernels.lanes.strong_ifma import keep_strong_ifma
from newral_kernels.words import U64

_HIGH_BELOW = 2 ** (DOUBLE_WORD_BITS_MAX - 64)
_HIGH_BELOW_WITH_TWO_LIMBS = 2 ** (2 * LIMB_BITS - SLACK_BITS - 64)

has_ifma = functools.cache(is_available)


def entries() -> list[Compiled[..., int]]:
    """What the functions of this module call on this machine."""
    if has_ifma():
        return [keep_strong_ifma, keep_strong_lucas_ifma]
    return [keep_strong_2_double, keep_strong_double, keep_lucas_double]


def keep_strong(
    lows: NDArray[U64],
    highs: NDArray[U64],
    base: int,
    index: NDArray[np.int64],
    residues: NDArray[U64],
) -> int:
    """Keep strong probable primes to a base from 2 to 2^64 - 1, below n.

    A row of `residues`, if it has any, becomes low and high word of a^d, but 2^(-d), modulo n,
    where n - 1 = d·2^s with d odd. Raises ValueError from 2^127 on.
    """
    limbs = _limbs(highs, index)
    if base <= FACTOR_MAX and has_ifma():
        return keep_strong_ifma(lows, highs, np.uint64(base), index, limbs, residues)
    if base == 2:
        return keep_strong_2_double(lows, highs, index, residues)
    return keep_strong_double(lows, highs, np.uint64(base), index, residues)


def keep_strong_lucas(
    lows: NDArray[U64],
    highs: NDArray[U64],
    index: NDArray[np.int64],
    method: int,
    residues: NDArray[U64],
) -> int:
    """As `newral_kernels.lanes.lucas_double.keep_lucas_double` with the condition `STRONG`. Raises
    ValueError from 2^127 on."""
    limbs = _limbs(highs, index)
    if has_ifma():
        return keep_strong_lucas_ifma(lows, highs, index, method, limbs, residues)
    return keep_lucas_double(lows, highs, index, method, STRONG, residues)


def _limbs(highs: NDArray[U64], index: NDArray[np.int64]) -> int:
    """How many limbs hold all of some numbers. Raises ValueError from 2^127 on."""
    widest = int(highs[index].max(initial=0))
    if widest >= _HIGH_BELOW:
        raise ValueError(f"a number has the high word {widest}: compiled code ends below 2^127")
    return 2 if widest < _HIGH_BELOW_WITH_TWO_LIMBS else LIMBS_MAX
