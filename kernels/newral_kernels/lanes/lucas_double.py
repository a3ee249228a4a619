"""Lucas tests of odd n from 2^64 to 2^127 - 1, given as arrays of low and high words."""

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
    div_double,
    mont_mul_double,
    mont_one_double,
    mont_reduce_double,
    mont_square_double,
    mul_double,
    multiple_double,
    shift_right_double,
    sub_double,
    sub_mod_double,
)
from newral_kernels.jit import compiled, device
from newral_kernels.lanes.lucas import ALMOST, PLAIN
from newral_kernels.lanes.lucas_parameters import (
    COMPOSITE,
    SELFRIDGE,
    extra_strong_p,
    selfridge_discriminant,
)
from newral_kernels.words import ONE, U64, ZERO, inverse_word

LANES: Final = 64


@compiled("int64(uint64[::1], uint64[::1], int64[::1], int64, int64, uint64[:,::1])")
def keep_lucas_double(
    lows: NDArray[U64],
    highs: NDArray[U64],
    index: NDArray[np.int64],
    method: int,
    condition: int,
    residues: NDArray[U64],
) -> int:
    """Keep the n that satisfy a condition for the parameter that a method chooses.

    For methods, conditions and meaning see `newral_kernels.lanes.lucas.keep_lucas`. A row of
    `residues` is V_d and then V_(d+1) modulo n, each as low and high word.
    """
    n = np.empty((2, LANES), np.uint64)
    inverse = np.empty(LANES, np.uint64)
    p = np.empty((2, LANES), np.uint64)
    two = np.empty((2, LANES), np.uint64)
    v = np.empty((2, LANES), np.uint64)
    w = np.empty((2, LANES), np.uint64)
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
            two0, two1 = add_mod_double(one0, one1, one0, one1, n0, n1)
            p0, p1 = lucas_parameter_double(n0, n1, one0, one1, method)
            two[0, lane], two[1, lane] = two0, two1
            p[0, lane], p[1, lane] = p0, p1
            v[0, lane], v[1, lane], w[0, lane], w[1, lane] = two0, two1, p0, p1
            d0, d1 = odd_part_double(n0, n1)
            exponent[0, lane], exponent[1, lane] = d0, d1
            bits = max(bits, DOUBLE_BITS - clz_double(d0, d1))
        _sequence(v, w, exponent, bits, p, two, n[:, : block.size], inverse)
        for lane in range(block.size):
            decided = p[0, lane] == n[0, lane] and p[1, lane] == n[1, lane]
            if residues.shape[0] > 0:
                _write(residues[start + lane], decided, v, w, n, inverse, lane)
            index[kept] = block[lane]
            kept += not decided and _passes(v, w, p, two, n, inverse, lane, condition)
    return kept


@device
def odd_part_double(n0: U64, n1: U64) -> Pair:
    """Of n + 1."""
    m0, m1 = add_double(n0, n1, ONE, ZERO)
    return shift_right_double(m0, m1, ctz_double(m0, m1))


@device
def lucas_parameter_double(n0: U64, n1: U64, one0: U64, one1: U64, method: int) -> Pair:
    """P in a Montgomery form, that of the given 1; n where the choice shows n to be composite."""
    if method == SELFRIDGE:
        d = selfridge_discriminant(n0, n1)
        return (n0, n1) if d == COMPOSITE else _selfridge_p(n0, n1, one0, one1, d)
    p = extra_strong_p(n0, n1)
    return (n0, n1) if p == COMPOSITE else multiple_double(np.uint64(p), one0, one1, n0, n1)


@device
def _selfridge_p(n0: U64, n1: U64, one0: U64, one1: U64, d: int) -> Pair:
    """1/Q - 2, where Q = (1 - d)/4. An n that shares a factor with Q is composite: no U or V is 0
    modulo that factor."""
    a0, a1 = _reciprocal(n0, n1, one0, one1, np.uint64(abs(1 - d)) >> np.uint64(2))
    if a0 == n0 and a1 == n1:
        return n0, n1
    if d > 0:
        a0, a1 = sub_double(n0, n1, a0, a1)
    a0, a1 = sub_mod_double(a0, a1, one0, one1, n0, n1)
    return sub_mod_double(a0, a1, one0, one1, n0, n1)


@device
def _reciprocal(n0: U64, n1: U64, one0: U64, one1: U64, q: U64) -> Pair:
    """1/q = (one + multiple·n)/q; n where there is none."""
    if q == ONE:  # for half of all n
        return one0, one1
    a0, a1, rest_one = div_double(one0, one1, q)
    b0, b1, rest_n = div_double(n0, n1, q)
    for multiple in range(np.uint64(q)):
        rest = rest_one + multiple * rest_n
        if rest % q == ZERO:
            b0, b1 = mul_double(b0, b1, multiple, ZERO)
            a0, a1 = add_double(a0, a1, b0, b1)
            return add_double(a0, a1, rest // q, ZERO)
    return n0, n1


@device
def _sequence(
    v: NDArray[U64],
    w: NDArray[U64],
    index: NDArray[U64],
    bits: U64,
    p: NDArray[U64],
    two: NDArray[U64],
    n: NDArray[U64],
    inverse: NDArray[U64],
) -> None:
    """From V_0 and V_1 to V_k and V_(k+1) for the indices k, of at most so many bits."""
    bit = bits
    while bit > ZERO:
        bit -= ONE
        word = index[np.int64(bit >> LOG_WORD_BITS)]
        for lane in range(n.shape[1]):
            one = (word[lane] >> (bit & BIT_MASK)) & ONE
            n0, n1, inv = n[0, lane], n[1, lane], inverse[lane]
            v0, v1, w0, w1 = v[0, lane], v[1, lane], w[0, lane], w[1, lane]
            m0, m1 = mont_mul_double(v0, v1, w0, w1, n0, n1, inv)
            m0, m1 = sub_mod_double(m0, m1, p[0, lane], p[1, lane], n0, n1)
            s0, s1 = w0 if one else v0, w1 if one else v1
            s0, s1 = mont_square_double(s0, s1, n0, n1, inv)
            s0, s1 = sub_mod_double(s0, s1, two[0, lane], two[1, lane], n0, n1)
            v[0, lane], v[1, lane] = m0 if one else s0, m1 if one else s1
            w[0, lane], w[1, lane] = s0 if one else m0, s1 if one else m1


@device
def _passes(
    v: NDArray[U64],
    w: NDArray[U64],
    p: NDArray[U64],
    two: NDArray[U64],
    n: NDArray[U64],
    inverse: NDArray[U64],
    lane: int,
    condition: int,
) -> bool:
    """Whether the condition holds, from V_d and V_(d+1): as in `newral_kernels.lanes.lucas`."""
    n0, n1, inv = n[0, lane], n[1, lane], inverse[lane]
    v0, v1, two0, two1 = v[0, lane], v[1, lane], two[0, lane], two[1, lane]
    u0, u1 = add_mod_double(w[0, lane], w[1, lane], w[0, lane], w[1, lane], n0, n1)
    pv0, pv1 = mont_mul_double(p[0, lane], p[1, lane], v0, v1, n0, n1, inv)
    u0, u1 = sub_mod_double(u0, u1, pv0, pv1, n0, n1)
    m0, m1 = add_double(n0, n1, ONE, ZERO)
    doublings = np.int64(ctz_double(m0, m1)) - 1
    if condition != PLAIN:
        t0, t1 = sub_double(n0, n1, two0, two1)
        ends = (v0 == two0 and v1 == two1) or (v0 == t0 and v1 == t1)
        if ends and (condition == ALMOST or (u0 == ZERO and u1 == ZERO)):
            return True
    for _ in range(doublings):
        if condition == PLAIN:
            u0, u1 = mont_mul_double(u0, u1, v0, v1, n0, n1, inv)
        elif v0 == ZERO and v1 == ZERO:
            return True
        v0, v1 = mont_square_double(v0, v1, n0, n1, inv)
        v0, v1 = sub_mod_double(v0, v1, two0, two1, n0, n1)
    return bool(condition == PLAIN and u0 == ZERO and u1 == ZERO)


@device
def _write(
    row: NDArray[U64],
    decided: bool,
    v: NDArray[U64],
    w: NDArray[U64],
    n: NDArray[U64],
    inverse: NDArray[U64],
    lane: int,
) -> None:
    """The residues of one lane; zeros where nothing was computed."""
    row[:] = ZERO
    if not decided:
        n0, n1, inv = n[0, lane], n[1, lane], inverse[lane]
        row[0], row[1] = mont_reduce_double(v[0, lane], v[1, lane], n0, n1, inv)
        row[2], row[3] = mont_reduce_double(w[0, lane], w[1, lane], n0, n1, inv)
