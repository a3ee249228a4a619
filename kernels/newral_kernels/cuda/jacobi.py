"""Jacobi symbols of small integers, and perfect squares, on the GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from newral_kernels.cuda.arithmetic import Arithmetic, Number
from newral_kernels.cuda.target import U64, Flag, device
from newral_kernels.cuda.word import ONE, THREE, ZERO, trailing_zeros

_FIVE: Final = np.uint64(5)
_SEVEN: Final = np.uint64(7)
_TOP: Final = np.uint64(2**63)


@device
def two_is_no_residue(n: U64) -> Flag:
    """Whether (2/n) = −1, for odd n: n ≡ ±3 (mod 8)."""
    return n & _SEVEN == THREE or n & _SEVEN == _FIVE


@device
def jacobi_of_words(a: U64, n: U64) -> int:
    """(a/n) for odd n."""
    sign = 1
    while a != ZERO:
        zeros = trailing_zeros(a)
        a >>= zeros
        if zeros & ONE != ZERO and two_is_no_residue(n):
            sign = -sign
        if a & n & THREE == THREE:
            sign = -sign
        a, n = n % a, a
    return sign if n == ONE else 0


def jacobi(arithmetic: Arithmetic) -> Callable[[U64, Flag, Number], int]:
    """(d/n), or (−d/n), for 0 < d < 2^32 and odd n, by one step of reciprocity to words."""
    low: Any = arithmetic.low
    remainder: Any = arithmetic.remainder

    @device
    def symbol(d: U64, negative: Flag, n: Number) -> int:
        zeros = trailing_zeros(d)
        odd = d >> zeros
        sign = 1
        if zeros & ONE != ZERO and two_is_no_residue(low(n)):
            sign = -sign
        if odd & low(n) & THREE == THREE:
            sign = -sign
        if negative and low(n) & THREE == THREE:
            sign = -sign
        return sign * jacobi_of_words(remainder(n, odd), odd)

    return symbol


def is_square(arithmetic: Arithmetic) -> Callable[[Number], Flag]:
    """Whether an odd n below 2^128 is a square."""
    low: Any = arithmetic.low
    is_square_of: Any = arithmetic.is_square_of

    @device
    def test(n: Number) -> Flag:
        word = low(n)
        if word & _SEVEN != ONE:
            return False
        # A root of n modulo 2^64, from its inverse by Newton's iteration, which makes 3 right bits
        # 4, 6, 10, 18, 34 and 66; halving loses the top one.
        x = ONE
        for _ in range(6):
            x = x * ((THREE - word * x * x) >> ONE)
        root = word * x
        # The root is that one, up to sign and up to its top bit.
        return (
            is_square_of(n, root)
            or is_square_of(n, ZERO - root)
            or is_square_of(n, root ^ _TOP)
            or is_square_of(n, (ZERO - root) ^ _TOP)
        )

    return test
