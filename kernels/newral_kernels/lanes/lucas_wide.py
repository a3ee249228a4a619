"""Lucas tests of odd n of many words, a few numbers in turn."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from newral_kernels.jit import compiled, device
from newral_kernels.lanes.lucas import ALMOST, PLAIN
from newral_kernels.lanes.lucas_parameters_wide import lucas_parameter_wide
from newral_kernels.multi_words import (
    Pointer,
    Rows,
    bit_length,
    copy,
    double,
    get,
    get_bit,
    is_equal,
    is_word,
    minus,
    odd_part,
    plus,
    power_of_2,
    row_of,
    shift_right,
    step,
    subtract,
)
from newral_kernels.words import ONE, U64, ZERO, inverse_word

LANES: Final = 4
"""Tests of several numbers at a time fill a processor's waits for results."""

SPACE_ROWS: Final = 5 * LANES + 6
_V, _W, _P, _TWO, _INDEX = range(0, 5 * LANES, LANES)
_ZERO, _UNIT, _U, _T, _TOTAL = range(5 * LANES, 5 * LANES + 5)


@compiled("int64(uint64[:,::1], int64[::1], int64, int64, uint64[:,::1])")
def keep_lucas_wide(
    rows: Rows, index: NDArray[np.int64], method: int, condition: int, space: Rows
) -> int:
    """Keep the n that satisfy a condition for the parameter that a method chooses: as
    `newral_kernels.lanes.lucas.keep_lucas`, for odd n of 2 words or more that are no squares.

    `space` has `SPACE_ROWS` rows for this function's own use.
    """
    words = rows.shape[1]
    space[_ZERO] = ZERO
    space[_UNIT] = ZERO
    space[_UNIT, 0] = ONE
    bits = np.empty(LANES, np.int64)
    doublings = np.empty(LANES, np.int64)
    inverse = np.empty(LANES, np.uint64)
    kept = 0
    for start in range(0, index.size, LANES):
        block = index[start : start + LANES]
        most = 0
        for lane in range(block.size):
            n = row_of(rows, block[lane])
            inverse[lane] = ZERO - inverse_word(get(n, 0))
            bits[lane], doublings[lane] = _begin(space, lane, n, method, words)
            most = max(most, bits[lane])
        for bit in range(most - 1, -1, -1):
            for lane in range(block.size):
                if bit < bits[lane]:
                    n = row_of(rows, block[lane])
                    _climb(space, lane, bit, n, inverse[lane], words)
        for lane in range(block.size):
            n = row_of(rows, block[lane])
            index[kept] = block[lane]
            kept += bits[lane] > 0 and _passes(
                space, lane, n, inverse[lane], doublings[lane], condition, words
            )
    return kept


@device
def _begin(space: Rows, lane: int, n: Pointer, method: int, words: int) -> tuple[int, int]:
    """Set a lane to V_0 and V_1; of n + 1 = d·2^s the bits of d, or 0 where n was seen to be
    composite, and s - 1."""
    v, w, p = row_of(space, _V + lane), row_of(space, _W + lane), row_of(space, _P + lane)
    two, index = row_of(space, _TWO + lane), row_of(space, _INDEX + lane)
    power_of_2(two, words * 64, n, words)
    if not lucas_parameter_wide(p, two, n, method, words):
        return 0, 0
    double(two, n, words)
    copy(v, two, words)
    copy(w, p, words)
    copy(index, n, words)
    shift_right(index, 1, words)
    plus(index, row_of(space, _UNIT), words)
    doublings = odd_part(index, words)
    return bit_length(index, words), doublings


@device
def _climb(space: Rows, lane: int, bit: int, n: Pointer, inverse: U64, words: int) -> None:
    """From V_k and V_(k+1) to V_2k and V_(2k+1), or to V_(2k+1) and V_(2k+2) for a 1.

    V_2k = V_k² - 2, V_(2k+1) = V_k·V_(k+1) - P.
    """
    v, w, total = row_of(space, _V + lane), row_of(space, _W + lane), row_of(space, _TOTAL)
    one = get_bit(row_of(space, _INDEX + lane), bit) != ZERO
    mixed, square = v if one else w, w if one else v
    step(mixed, v, w, ZERO, row_of(space, _P + lane), n, inverse, total, words)
    step(square, square, square, ZERO, row_of(space, _TWO + lane), n, inverse, total, words)


@device
def _passes(
    space: Rows, lane: int, n: Pointer, inverse: U64, doublings: int, condition: int, words: int
) -> bool:
    """Whether the condition holds, from V_d and V_(d+1): as in `newral_kernels.lanes.lucas`."""
    v, w, p = row_of(space, _V + lane), row_of(space, _W + lane), row_of(space, _P + lane)
    two, zero, total = row_of(space, _TWO + lane), row_of(space, _ZERO), row_of(space, _TOTAL)
    u, t = row_of(space, _U), row_of(space, _T)
    step(t, p, v, ZERO, zero, n, inverse, total, words)
    copy(u, w, words)
    double(u, n, words)
    subtract(u, t, n, words)
    if condition != PLAIN:
        minus(t, n, two, words)
        ends = is_equal(v, two, words) or is_equal(v, t, words)
        if ends and (condition == ALMOST or is_word(u, ZERO, words)):
            return True
    for _ in range(doublings):
        if condition == PLAIN:
            step(u, u, v, ZERO, zero, n, inverse, total, words)
        elif is_word(v, ZERO, words):
            return True
        step(v, v, v, ZERO, two, n, inverse, total, words)
    return condition == PLAIN and is_word(u, ZERO, words)
