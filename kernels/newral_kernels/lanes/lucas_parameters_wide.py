"""The choice of a Lucas sequence for odd n of many words: see `lanes.lucas_parameters`."""

from __future__ import annotations

import numpy as np

from newral_kernels.jit import device
from newral_kernels.lanes.lucas_parameters import (
    COMPOSITE,
    DISCRIMINANTS,
    FIRST_P,
    SELFRIDGE,
    jacobi_word,
)
from newral_kernels.multi_words import (
    Pointer,
    add_row,
    copy,
    divide,
    get,
    minus,
    plus,
    reduce_once,
    remainder,
    subtract,
)
from newral_kernels.words import ONE, THREE, TWO, U64, ZERO, ctz64

_FIVE = np.uint64(5)
_SEVEN = np.uint64(7)
_DISCRIMINANTS_PERIOD = np.uint64(DISCRIMINANTS.size)
_FIRST_P_PERIOD = np.uint64(FIRST_P.size)


@device
def lucas_parameter_wide(p: Pointer, one: Pointer, n: Pointer, method: int, words: int) -> bool:
    """p becomes the parameter P in the Montgomery form of the given 1, for an n >= 2^64 that is no
    square; False where the choice shows n to be composite."""
    if method == SELFRIDGE:
        d = _selfridge_discriminant(n, words)
        return d != COMPOSITE and _selfridge_p(p, one, n, d, words)
    first = _extra_strong_p(n, words)
    copy(p, one, words)
    for _ in range(1, first):
        reduce_once(p, plus(p, one, words), n, words)
    return first != COMPOSITE


@device
def _symbol(d: int, n: Pointer, words: int) -> int:
    """The Jacobi symbol (d/n), for 0 < |d| < 2^32."""
    sign = 1
    n0 = get(n, 0)
    a = np.uint64(abs(d))
    twos = ctz64(a)
    a >>= twos
    if twos & ONE and (n0 & _SEVEN == THREE or n0 & _SEVEN == _FIVE):
        sign = -sign
    if (n0 & THREE == THREE) and (d < 0) != (a & THREE == THREE):
        sign = -sign
    return sign * jacobi_word(remainder(n, a, words), a)


@device
def _selfridge_discriminant(n: Pointer, words: int) -> int:
    first = int(DISCRIMINANTS[remainder(n, _DISCRIMINANTS_PERIOD, words)])
    if first != COMPOSITE:
        return first
    d = 5
    while True:
        symbol = _symbol(d, n, words)
        if symbol != 1:
            return d if symbol == -1 else COMPOSITE
        d = -d - 2 if d > 0 else 2 - d


@device
def _extra_strong_p(n: Pointer, words: int) -> int:
    first = int(FIRST_P[remainder(n, _FIRST_P_PERIOD, words)])
    if first != COMPOSITE:
        return first
    p = 3
    while True:
        symbol = _symbol(p * p - 4, n, words)
        if symbol != 1:
            return p if symbol == -1 else COMPOSITE
        p += 1


@device
def _selfridge_p(p: Pointer, one: Pointer, n: Pointer, d: int, words: int) -> bool:
    """1/Q - 2, where Q = (1 - d)/4: False where there is no 1/Q, so that n is composite."""
    q = np.uint64(abs(1 - d)) >> TWO
    copy(p, one, words)
    if q != ONE and not _divide_modulo(p, n, q, words):
        return False
    if d > 0:
        minus(p, n, p, words)
    subtract(p, one, n, words)
    subtract(p, one, n, words)
    return True


@device
def _divide_modulo(a: Pointer, n: Pointer, q: U64, words: int) -> bool:
    """a becomes a/q = (a + multiple·n)/q modulo n; False where that is an integer for none."""
    rest, more = remainder(a, q, words), remainder(n, q, words)
    multiple = ZERO
    while rest != ZERO and multiple < q:
        rest = (rest + more) % q
        multiple += ONE
    if rest != ZERO:
        return False
    divide(a, add_row(a, multiple, n, words), q, words)
    return True
