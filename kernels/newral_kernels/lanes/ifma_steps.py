"""One step for all lanes of a block, with two or three limbs: see `newral_kernels.lanes.ifma`."""

from __future__ import annotations

from numpy.typing import NDArray

from newral_kernels.jit import device
from newral_kernels.lanes.ifma import (
    LANES_AT_ONCE,
    ladder_2,
    ladder_3,
    multiply_and_add_2,
    multiply_and_add_3,
    square_and_double_2,
    square_and_double_3,
    square_and_scale_2,
    square_and_scale_3,
)
from newral_kernels.words import U64


@device
def square_and_double(
    x: NDArray[U64],
    word: NDArray[U64],
    n: NDArray[U64],
    inverse: NDArray[U64],
    bit: U64,
    limbs: int,
    lanes: int,
) -> None:
    """x becomes x²/R, doubled where the bit of `word` is 1."""
    if limbs == 2:
        for lane in range(0, lanes, LANES_AT_ONCE):
            square_and_double_2(x, word, n, inverse, bit, lane)
    else:
        for lane in range(0, lanes, LANES_AT_ONCE):
            square_and_double_3(x, word, n, inverse, bit, lane)


@device
def square_and_scale(
    x: NDArray[U64],
    word: NDArray[U64],
    factor: U64,
    n: NDArray[U64],
    inverse: NDArray[U64],
    bit: U64,
    limbs: int,
    lanes: int,
) -> None:
    """x becomes x²/R, times a factor where the bit of `word` is 1."""
    if limbs == 2:
        for lane in range(0, lanes, LANES_AT_ONCE):
            square_and_scale_2(x, word, factor, n, inverse, bit, lane)
    else:
        for lane in range(0, lanes, LANES_AT_ONCE):
            square_and_scale_3(x, word, factor, n, inverse, bit, lane)


@device
def multiply_and_add(
    to: NDArray[U64],
    a: NDArray[U64],
    b: NDArray[U64],
    addend: NDArray[U64],
    n: NDArray[U64],
    inverse: NDArray[U64],
    limbs: int,
    lanes: int,
) -> None:
    """`to` becomes a·b/R + addend."""
    if limbs == 2:
        for lane in range(0, lanes, LANES_AT_ONCE):
            multiply_and_add_2(to, a, b, addend, n, inverse, lane)
    else:
        for lane in range(0, lanes, LANES_AT_ONCE):
            multiply_and_add_3(to, a, b, addend, n, inverse, lane)


@device
def ladder(
    v: NDArray[U64],
    w: NDArray[U64],
    word: NDArray[U64],
    minus_p: NDArray[U64],
    minus_two: NDArray[U64],
    n: NDArray[U64],
    inverse: NDArray[U64],
    bit: U64,
    limbs: int,
    lanes: int,
) -> None:
    """From V_k and V_(k+1) to V_2k and V_(2k+1), or one further where the bit of `word` is 1."""
    if limbs == 2:
        for lane in range(0, lanes, LANES_AT_ONCE):
            ladder_2(v, w, word, minus_p, minus_two, n, inverse, bit, lane)
    else:
        for lane in range(0, lanes, LANES_AT_ONCE):
            ladder_3(v, w, word, minus_p, minus_two, n, inverse, bit, lane)
