"""Lucas tests of odd n from 3 to 2^64 - 1."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from newral_kernels.jit import compiled, device
from newral_kernels.lanes.lucas_parameters import (
    COMPOSITE,
    SELFRIDGE,
    extra_strong_p,
    selfridge_discriminant,
)
from newral_kernels.words import (
    ONE,
    U64,
    WORD_BITS,
    ZERO,
    add_mod,
    clz64,
    ctz64,
    inverse_word,
    mont_mul,
    mont_one,
    sub_mod,
)

LANES: Final = 128

# What has to hold for n + 1 = d·2^s with d odd, in the sequences with Q = 1.
STRONG: Final = 0
"""U_d = 0 and V_d = ±2, or V_(d·2^r) = 0 for some r < s - 1.

For Selfridge's parameters that is the strong test with his own Q: U_d = 0 or V_(d·2^r) = 0 for some
r < s. Up to units U'_d is U_d·V_d, where U_d = 0 means V'_d = 2 and V_d = 0 means V'_d = -2; and
V_(d·2^r) is V'_(d·2^(r-1)) for r > 0.
"""
ALMOST: Final = 1
"""V_d = ±2, or V_(d·2^r) = 0 for some r < s - 1."""
PLAIN: Final = 2
"""U_(n+1) = 0 in the sequences with Selfridge's Q: U'_((n+1)/2) = 0."""


@compiled("int64(uint64[::1], int64[::1], int64, int64, uint64[:,::1])")
def keep_lucas(
    ns: NDArray[U64],
    index: NDArray[np.int64],
    method: int,
    condition: int,
    residues: NDArray[U64],
) -> int:
    """Keep the n that satisfy a condition for the parameter that a method chooses.

    Where `residues` has rows, its i-th becomes V_d and V_(d+1) modulo the i-th n, in the sequences
    with Q = 1; both 0 where the choice shows n to be composite.
    """
    n = np.empty(LANES, np.uint64)
    inverse = np.empty(LANES, np.uint64)
    p = np.empty(LANES, np.uint64)
    two = np.empty(LANES, np.uint64)
    v = np.empty(LANES, np.uint64)
    w = np.empty(LANES, np.uint64)
    odd_part = np.empty(LANES, np.uint64)
    kept = 0
    for start in range(0, index.size, LANES):
        block = index[start : start + LANES]
        bits = ZERO
        for lane in range(block.size):
            value = ns[block[lane]]
            n[lane], inverse[lane] = value, inverse_word(value)
            one = mont_one(value)
            two[lane] = add_mod(one, one, value)
            p[lane] = _parameter(value, one, method)
            v[lane], w[lane] = two[lane], p[lane]
            odd_part[lane] = _odd_part(value)
            bits = max(bits, WORD_BITS - clz64(odd_part[lane]))
        _sequence(v, w, odd_part, bits, p, two, n[: block.size], inverse)
        for lane in range(block.size):
            decided = p[lane] == n[lane]
            if residues.shape[0] > 0:
                for i, x in enumerate((v[lane], w[lane])):
                    reduced = mont_mul(x, ONE, n[lane], inverse[lane])
                    residues[start + lane, i] = ZERO if decided else reduced
            index[kept] = block[lane]
            kept += not decided and _passes(
                v[lane], w[lane], p[lane], two[lane], n[lane], inverse[lane], condition
            )
    return kept


@device
def _odd_part(n: U64) -> U64:
    """Of n + 1, which may be 2^64."""
    return ((n >> ONE) + ONE) >> ctz64((n >> ONE) + ONE)


@device
def _parameter(n: U64, one: U64, method: int) -> U64:
    """P in Montgomery form; n where the choice shows n to be composite."""
    if method == SELFRIDGE:
        d = selfridge_discriminant(n, ZERO)
        return n if d == COMPOSITE else _selfridge_p(n, one, d)
    p = extra_strong_p(n, ZERO)
    return n if p == COMPOSITE else _multiple(np.uint64(p), one, n)


@device
def _selfridge_p(n: U64, one: U64, d: int) -> U64:
    """1/Q - 2, where Q = (1 - d)/4. If n shares a factor with Q, it is composite: (d/n) would be 1
    for a prime n; and no U or V is 0 modulo that factor."""
    q = np.uint64(abs(1 - d)) >> np.uint64(2)
    rest_one, rest_n = one % q, n % q
    for multiple in range(np.uint64(q)):
        rest = rest_one + multiple * rest_n
        if rest % q == ZERO:
            reciprocal = one // q + multiple * (n // q) + rest // q
            if d > 0:
                reciprocal = sub_mod(ZERO, reciprocal, n)
            return sub_mod(reciprocal, add_mod(one, one, n), n)
    return n


@device
def _multiple(p: U64, one: U64, n: U64) -> U64:
    product = ZERO
    while p != ZERO:
        if p & ONE:
            product = add_mod(product, one, n)
        one = add_mod(one, one, n)
        p >>= ONE
    return product


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
    """From V_0 and V_1 to V_k and V_(k+1) for the indices k, of at most so many bits.

    V_2k = V_k² - 2, V_(2k+1) = V_k·V_(k+1) - P.
    """
    bit = bits
    while bit > ZERO:
        bit -= ONE
        for lane in range(n.size):
            one = (index[lane] >> bit) & ONE
            mixed = mont_mul(v[lane], w[lane], n[lane], inverse[lane])
            mixed = sub_mod(mixed, p[lane], n[lane])
            chosen = w[lane] if one else v[lane]
            square = mont_mul(chosen, chosen, n[lane], inverse[lane])
            square = sub_mod(square, two[lane], n[lane])
            v[lane] = mixed if one else square
            w[lane] = square if one else mixed


@device
def _passes(v: U64, w: U64, p: U64, two: U64, n: U64, inverse: U64, condition: int) -> bool:
    """Whether a condition holds, from V_d and V_(d+1). (P² - 4)·U_d = 2·V_(d+1) - P·V_d, and
    U_2k = U_k·V_k."""
    u = sub_mod(add_mod(w, w, n), mont_mul(p, v, n, inverse), n)
    doublings = np.int64(ctz64((n >> ONE) + ONE))  # s - 1
    if condition == PLAIN:
        for _ in range(doublings):
            u = mont_mul(u, v, n, inverse)
            v = sub_mod(mont_mul(v, v, n, inverse), two, n)
        return bool(u == ZERO)
    if (v == two or v == n - two) and (condition == ALMOST or u == ZERO):
        return True
    for _ in range(doublings):
        if v == ZERO:
            return True
        v = sub_mod(mont_mul(v, v, n, inverse), two, n)
    return False
