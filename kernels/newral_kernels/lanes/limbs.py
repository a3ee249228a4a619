"""Numbers below 2^127 as columns of limbs of 52 bits, for `newral_kernels.lanes.ifma`."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from newral_kernels.double_words import Pair
from newral_kernels.jit import device
from newral_kernels.words import U64, ZERO, inverse_word

LIMBS_MAX: Final = 3
LIMB_BITS: Final = np.uint64(52)
LIMB_MASK: Final = np.uint64(2**52 - 1)

_LOW_IN_SECOND: Final = np.uint64(64 - 52)
_HIGH_IN_SECOND: Final = np.uint64(2 * 52 - 64)


@device
def set_limbs(columns: NDArray[U64], lane: int, a0: U64, a1: U64) -> None:
    """Write three limbs."""
    columns[0, lane] = a0 & LIMB_MASK
    columns[1, lane] = (a0 >> LIMB_BITS | a1 << _LOW_IN_SECOND) & LIMB_MASK
    columns[2, lane] = a1 >> _HIGH_IN_SECOND


@device
def get_limbs(columns: NDArray[U64], lane: int, limbs: int) -> Pair:
    """Read two or three limbs, of 52 bits but for the highest."""
    second = columns[1, lane]
    third = columns[2, lane] if limbs > 2 else ZERO
    return columns[
        0, lane
    ] | second << LIMB_BITS, second >> _LOW_IN_SECOND | third << _HIGH_IN_SECOND


@device
def negative_inverse(n0: U64) -> U64:
    """-1/n modulo 2^52, for odd n."""
    return (ZERO - inverse_word(n0)) & LIMB_MASK
