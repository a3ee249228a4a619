"""Strong Lucas tests of odd n from 3 to 2^127 - 1, for processors with AVX-512 IFMA."""

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
    add_mod_double,
    clz_double,
    ctz_double,
    power_of_2_double,
    sub_double,
)
from newral_kernels.jit import compiled, device
from newral_kernels.lanes.ifma_steps import ladder, multiply_and_add
from newral_kernels.lanes.limbs import (
    LIMB_BITS,
    LIMBS_MAX,
    get_limbs,
    negative_inverse,
    set_limbs,
)
from newral_kernels.lanes.lucas_double import lucas_parameter_double, odd_part_double
from newral_kernels.words import ONE, TWO, U64, ZERO

LANES: Final = 64
PASSED: Final = -1
"""Instead of the number of doublings that are left for a lane."""


@compiled("int64(uint64[::1], uint64[::1], int64[::1], int64, int64, uint64[:,::1])")
def keep_strong_lucas_ifma(
    lows: NDArray[U64],
    highs: NDArray[U64],
    index: NDArray[np.int64],
    method: int,
    limbs: int,
    residues: NDArray[U64],
) -> int:
    """As `newral_kernels.lanes.lucas_double.keep_lucas_double` with the condition `STRONG`, for
    n < 2^(52·limbs - 7)."""
    n = np.empty((LIMBS_MAX, LANES), np.uint64)
    p = np.empty((LIMBS_MAX, LANES), np.uint64)
    minus_p = np.empty((LIMBS_MAX, LANES), np.uint64)
    minus_two = np.empty((LIMBS_MAX, LANES), np.uint64)
    v = np.empty((LIMBS_MAX, LANES), np.uint64)
    w = np.empty((LIMBS_MAX, LANES), np.uint64)
    y = np.empty((LIMBS_MAX, LANES), np.uint64)
    unit = np.zeros((LIMBS_MAX, LANES), np.uint64)
    unit[0] = ONE
    zero = np.zeros((LIMBS_MAX, LANES), np.uint64)
    inverse = np.empty(LANES, np.uint64)
    exponent = np.empty((2, LANES), np.uint64)
    left = np.empty(LANES, np.int64)
    kept = 0
    for start in range(0, index.size, LANES):
        block = index[start : start + LANES]
        size = block.size
        bits = ZERO
        for lane in range(size):
            n0, n1 = lows[block[lane]], highs[block[lane]]
            one0, one1 = power_of_2_double(np.uint64(limbs) * LIMB_BITS, n0, n1)
            two0, two1 = add_mod_double(one0, one1, one0, one1, n0, n1)
            p0, p1 = lucas_parameter_double(n0, n1, one0, one1, method)
            less0, less1 = sub_double(n0, n1, p0, p1)
            set_limbs(minus_p, lane, less0, less1)
            less0, less1 = sub_double(n0, n1, two0, two1)
            set_limbs(minus_two, lane, less0, less1)
            set_limbs(n, lane, n0, n1)
            set_limbs(p, lane, p0, p1)
            set_limbs(v, lane, two0, two1)
            set_limbs(w, lane, p0, p1)
            inverse[lane] = negative_inverse(n0)
            exponent[0, lane], exponent[1, lane] = odd_part_double(n0, n1)
            bits = max(bits, DOUBLE_BITS - clz_double(exponent[0, lane], exponent[1, lane]))
            m0, m1 = add_double(n0, n1, ONE, ZERO)
            decided = p0 == n0 and p1 == n1
            left[lane] = 0 if decided else np.int64(ctz_double(m0, m1))
        bit = bits
        while bit > ZERO:
            bit -= ONE
            word = exponent[np.int64(bit >> LOG_WORD_BITS)]
            ladder(v, w, word, minus_p, minus_two, n, inverse, bit & BIT_MASK, limbs, size)
        multiply_and_add(p, p, v, zero, n, inverse, limbs, size)
        multiply_and_add(p, p, unit, zero, n, inverse, limbs, size)
        multiply_and_add(w, w, unit, zero, n, inverse, limbs, size)
        multiply_and_add(y, v, unit, zero, n, inverse, limbs, size)
        for lane in range(size):
            if residues.shape[0] > 0:
                row = residues[start + lane]
                row[0], row[1] = _number(y, n, lane, limbs)
                row[2], row[3] = _number(w, n, lane, limbs)
                if left[lane] == 0:
                    row[:] = ZERO
            if left[lane] > 0:
                passes = _is_at_end(y, w, p, n, lane, limbs)
                left[lane] = PASSED if passes else left[lane] - 1
        _double_on(y, v, minus_two, unit, zero, n, inverse, limbs, left[:size])
        for lane in range(size):
            index[kept] = block[lane]
            kept += left[lane] == PASSED
    return kept


@device
def _number(columns: NDArray[U64], n: NDArray[U64], lane: int, limbs: int) -> Pair:
    """What a residue stands for, after a multiplication by 1: n is 0."""
    a0, a1 = get_limbs(columns, lane, limbs)
    n0, n1 = get_limbs(n, lane, limbs)
    if a0 == n0 and a1 == n1:
        return ZERO, ZERO
    return a0, a1


@device
def _is_at_end(
    v: NDArray[U64],
    w: NDArray[U64],
    pv: NDArray[U64],
    n: NDArray[U64],
    lane: int,
    limbs: int,
) -> bool:
    """Whether V = ±2 and U = 0, that is 2W = P·V."""
    n0, n1 = get_limbs(n, lane, limbs)
    v0, v1 = _number(v, n, lane, limbs)
    m0, m1 = sub_double(n0, n1, TWO, ZERO)
    if not ((v0 == TWO and v1 == ZERO) or (v0 == m0 and v1 == m1)):
        return False
    w0, w1 = _number(w, n, lane, limbs)
    w0, w1 = add_mod_double(w0, w1, w0, w1, n0, n1)
    pv0, pv1 = _number(pv, n, lane, limbs)
    return bool(w0 == pv0 and w1 == pv1)


@device
def _double_on(
    y: NDArray[U64],
    v: NDArray[U64],
    minus_two: NDArray[U64],
    unit: NDArray[U64],
    zero: NDArray[U64],
    n: NDArray[U64],
    inverse: NDArray[U64],
    limbs: int,
    left: NDArray[np.int64],
) -> None:
    """Mark as `PASSED` where one of the `left` next values of V_k, V_2k, … is 0, y being V_k."""
    while True:
        open_lanes = 0
        for lane in range(left.size):
            if left[lane] > 0:
                y0, y1 = _number(y, n, lane, limbs)
                left[lane] = PASSED if y0 == ZERO and y1 == ZERO else left[lane] - 1
                open_lanes += left[lane] > 0
        if open_lanes == 0:
            break
        multiply_and_add(v, v, v, minus_two, n, inverse, limbs, left.size)
        multiply_and_add(y, v, unit, zero, n, inverse, limbs, left.size)
