"""The choice of a Lucas sequence for an odd n >= 3, by two methods from the literature.

All tests here work on the sequences U, V with Q = 1, discriminant P² - 4 and one parameter P.

`SELFRIDGE`, his method A (R. Baillie and S. S. Wagstaff, Lucas pseudoprimes, 1980): the first D of
5, -7, 9, -11, … with Jacobi symbol (D/n) = -1, P = 1 and Q = (1 - D)/4. Its sequences at 2k follow
from those with P' = P²/Q - 2 = 1/Q - 2 modulo n and Q' = 1 at k: V_2k = Q^k·V'_k and
U_2k = Q^(k-1)·U'_k. Method A* has P = Q = 5 for D = 5, that is P' = 3 in place of -3: a change of
signs, which no test here can see.

`EXTRA_STRONG` (J. Grantham, Frobenius pseudoprimes, 2001; D. Jacobsen's list of variants): the
first P of 3, 4, 5, … with (P² - 4 / n) = -1, and Q = 1.

A symbol 0 on the way shows a factor of n, unless that is n itself. No search has an end, except for
squares, for which no symbol is -1: caps have called true primes composite.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from newral_kernels.double_words import mul_double, rem_double
from newral_kernels.jit import device
from newral_kernels.words import ONE, THREE, U64, ZERO, ctz64

SELFRIDGE: Final = 0
EXTRA_STRONG: Final = 1

COMPOSITE: Final = 0
"""Instead of D or P: n was seen to be composite."""

_FIVE: Final = np.uint64(5)
_SEVEN: Final = np.uint64(7)
_WORD_AS_FLOAT: Final = np.float64(2**64)
_ROOT_OFFSETS: Final = np.array([2**64 - 1, 0, 1], dtype=np.uint64)


def _symbol(a: int, n: int) -> int:
    """The Jacobi symbol (a/n), for odd n > 0."""
    sign, a = 1, a % n
    while a:
        while a % 2 == 0:
            a //= 2
            sign = -sign if n % 8 in (3, 5) else sign
        sign = -sign if a % 4 == n % 4 == 3 else sign
        a, n = n % a, a
    return sign if n == 1 else 0


def _first_choices(candidates: dict[int, tuple[int, int]], modulus: int) -> NDArray[np.int8]:
    """For each residue of an odd n, the first candidate whose symbol is -1.

    `COMPOSITE`, for a search one by one, where a symbol before is 0, or none is -1. A candidate has
    a discriminant, up to square factors, whose symbol has a certain period in n.
    """
    choices = np.zeros(modulus, np.int8)
    open_ = np.ones(modulus, np.bool_)
    for candidate, (discriminant, period) in candidates.items():
        odd = [r if r % 2 else r + period for r in range(period)]
        one = np.array([_symbol(discriminant, r) if r % 2 else 0 for r in odd], np.int8)
        symbols = np.tile(one, modulus // period)
        choices[open_ & (symbols == -1)] = candidate
        open_ &= symbols == 1
    return choices


# 31 of 32 numbers without small factors are settled by the first candidates alone.
DISCRIMINANTS: Final = _first_choices(
    {5: (5, 5), -7: (-7, 7), 9: (9, 3), -11: (-11, 11), 13: (13, 13), -15: (-15, 15)},
    3 * 5 * 7 * 11 * 13,
)
FIRST_P: Final = _first_choices(
    {3: (5, 5), 4: (12, 12), 5: (21, 21), 6: (8, 8), 8: (60, 60), 9: (77, 77)},
    8 * 3 * 5 * 7 * 11,
)
_DISCRIMINANTS_PERIOD: Final = np.uint64(DISCRIMINANTS.size)
_FIRST_P_PERIOD: Final = np.uint64(FIRST_P.size)


@device
def jacobi_word(a: U64, n: U64) -> int:
    """The Jacobi symbol (a/n), for odd n."""
    sign = 1
    a %= n
    while a != ZERO:
        twos = ctz64(a)
        a >>= twos
        if twos & ONE and (n & _SEVEN == THREE or n & _SEVEN == _FIVE):
            sign = -sign
        if a & n & THREE == THREE:
            sign = -sign
        a, n = n % a, a
    return sign if n == ONE else 0


@device
def jacobi_of_small(d: int, n0: U64, n1: U64) -> int:
    """The Jacobi symbol (d/n), for an odd n < 2^128 and 0 < |d| < 2^32."""
    sign = 1
    a = np.uint64(abs(d))
    twos = ctz64(a)
    a >>= twos
    if twos & ONE and (n0 & _SEVEN == THREE or n0 & _SEVEN == _FIVE):
        sign = -sign
    if (n0 & THREE == THREE) and (d < 0) != (a & THREE == THREE):
        sign = -sign
    return sign * jacobi_word(rem_double(n0, n1, a), a)


@device
def selfridge_discriminant(n0: U64, n1: U64) -> int:
    """D of method A for an odd n from 3 to 2^127, or `COMPOSITE`."""
    first = int(DISCRIMINANTS[rem_double(n0, n1, _DISCRIMINANTS_PERIOD)])
    if first != COMPOSITE:
        return first
    if is_square_double(n0, n1):
        return COMPOSITE
    d = 5
    while True:
        symbol = jacobi_of_small(d, n0, n1)
        if symbol == -1:
            return d
        if symbol == 0 and not _divides(n0, n1, d):
            return COMPOSITE
        d = -d - 2 if d > 0 else 2 - d


@device
def extra_strong_p(n0: U64, n1: U64) -> int:
    """P of method "extra strong" for an odd n from 3 to 2^127, or `COMPOSITE`."""
    first = int(FIRST_P[rem_double(n0, n1, _FIRST_P_PERIOD)])
    if first != COMPOSITE:
        return first
    if is_square_double(n0, n1):
        return COMPOSITE
    p = 3
    while True:
        symbol = jacobi_of_small(p * p - 4, n0, n1)
        if symbol == -1:
            return p
        if symbol == 0 and not _divides(n0, n1, p * p - 4):
            return COMPOSITE
        p += 1


@device
def _divides(n0: U64, n1: U64, d: int) -> bool:
    """Whether n divides d."""
    return bool(n1 == ZERO and np.uint64(abs(d)) % n0 == ZERO)


@device
def is_square_double(n0: U64, n1: U64) -> bool:
    """Whether n < 2^127 is the square of an integer.

    The root from floating point has 53 bits; one step of Newton's iteration makes it right up to 1.
    """
    root = np.uint64(np.sqrt(np.float64(n1) * _WORD_AS_FLOAT + np.float64(n0)))
    if n1 != ZERO:
        s0, s1 = mul_double(root, ZERO, root, ZERO)
        high = np.float64(np.int64(n1 - s1))  # exact: some 2^11 at most
        error = high * _WORD_AS_FLOAT + np.float64(n0) - np.float64(s0)
        root += np.uint64(np.int64(error / (np.float64(2) * np.float64(root))))
    for offset in _ROOT_OFFSETS:
        s0, s1 = mul_double(root + offset, ZERO, root + offset, ZERO)
        if s0 == n0 and s1 == n1:
            return True
    return False
