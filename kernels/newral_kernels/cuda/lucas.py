"""Lucas tests on the GPU, one thread for each number.

V_k and V_(k+1) modulo n go up the bits of d, where n + 1 = d·2^s with d odd. U_d is 0 exactly when
2·V_(d+1) ≡ P·V_d, since D·U_d is their difference and D is prime to n.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from newral_kernels.cuda.arithmetic import Arithmetic, Number
from newral_kernels.cuda.jacobi import is_square, jacobi
from newral_kernels.cuda.strong import scaling
from newral_kernels.cuda.target import U64, Flag, device
from newral_kernels.cuda.word import ONE, THREE, TWO, ZERO

COMPOSITE: Final = ZERO
"""Instead of a parameter: n is a square, or shares a proper factor with a D on the way."""

_FOUR: Final = np.uint64(4)
_FIVE: Final = np.uint64(5)


def selfridge_parameter(arithmetic: Arithmetic) -> Callable[[Number], U64]:
    """|D| by Selfridge's method A (Baillie and Wagstaff, 1980): see `negative_discriminant`.

    The search has no cap; |D| stays far below 2^32, as it does under the Riemann hypothesis.
    """
    divides: Any = arithmetic.divides
    square: Any = is_square(arithmetic)
    symbol_of: Any = jacobi(arithmetic)

    @device
    def parameter(n: Number) -> U64:
        if square(n):
            return COMPOSITE
        d = _FIVE
        while True:
            symbol = symbol_of(d, negative_discriminant(d), n)
            if symbol == -1:
                return d
            if symbol == 0 and not divides(n, d):
                return COMPOSITE
            d += TWO

    return parameter


@device
def negative_discriminant(d: U64) -> Flag:
    """The sign of D in 5, −7, 9, −11, …"""
    return d & THREE == THREE


def extra_strong_parameter(arithmetic: Arithmetic) -> Callable[[Number], U64]:
    """The first P of 3, 4, 5, … with (P² − 4 / n) = −1 (Grantham, 2001)."""
    divides: Any = arithmetic.divides
    square: Any = is_square(arithmetic)
    symbol_of: Any = jacobi(arithmetic)

    @device
    def parameter(n: Number) -> U64:
        if square(n):
            return COMPOSITE
        p = THREE
        while True:
            d = p * p - _FOUR
            symbol = symbol_of(d, False, n)
            if symbol == -1:
                return p
            if symbol == 0 and not divides(n, d):
                return COMPOSITE
            p += ONE

    return parameter


def is_strong_lucas_probable_prime(arithmetic: Arithmetic) -> Callable[[Number], Flag]:
    """The test of an odd n >= 3 with Selfridge's parameters: P = 1, Q = (1 − D)/4."""
    add: Any = arithmetic.add
    bit: Any = arithmetic.bit
    bits: Any = arithmetic.bits
    equal: Any = arithmetic.equal
    half: Any = arithmetic.half
    increment: Any = arithmetic.increment
    modulus: Any = arithmetic.modulus
    multiply: Any = arithmetic.multiply
    one_of: Any = arithmetic.one
    shift_right: Any = arithmetic.shift_right
    subtract: Any = arithmetic.subtract
    twos: Any = arithmetic.twos
    zero: Any = arithmetic.zero
    scaled: Any = scaling(arithmetic)
    parameter: Any = selfridge_parameter(arithmetic)

    @device
    def test(n: Number) -> Flag:
        d = parameter(n)
        if d == COMPOSITE:
            return False
        m = modulus(n)
        one = one_of(m)
        if negative_discriminant(d):
            q = scaled(one, (d + ONE) >> TWO, m)
        else:
            q = subtract(zero(), scaled(one, (d - ONE) >> TWO, m), m)
        even = increment(half(n))  # (n + 1)/2
        doublings = twos(even)
        index = shift_right(even, doublings)

        v, w = one, subtract(one, add(q, q, m), m)  # V_1, V_2
        power = q  # Q^k for the k of v
        k = bits(index) - ONE
        while k > ZERO:
            k -= ONE
            between = subtract(multiply(v, w, m), power, m)
            if bit(index, k):
                raised = multiply(power, q, m)
                w = multiply(w, w, m)
                w = subtract(w, add(raised, raised, m), m)
                v = between
            else:
                raised = power
                v = multiply(v, v, m)
                v = subtract(v, add(raised, raised, m), m)
                w = between
            power = multiply(power, raised, m)

        if equal(add(w, w, m), v) or equal(v, zero()):
            return True
        while doublings > ZERO:
            v = subtract(multiply(v, v, m), add(power, power, m), m)
            if equal(v, zero()):
                return True
            power = multiply(power, power, m)
            doublings -= ONE
        return False

    return test


def is_extra_strong_lucas_probable_prime(arithmetic: Arithmetic) -> Callable[[Number], Flag]:
    """The test of an odd n >= 3 with Q = 1: U_d ≡ 0 and V_d ≡ ±2, or V_(d·2^r) ≡ 0 for an
    r < s − 1 (Grantham, 2001)."""
    add: Any = arithmetic.add
    bit: Any = arithmetic.bit
    bits: Any = arithmetic.bits
    equal: Any = arithmetic.equal
    half: Any = arithmetic.half
    increment: Any = arithmetic.increment
    modulus: Any = arithmetic.modulus
    multiply: Any = arithmetic.multiply
    one_of: Any = arithmetic.one
    shift_right: Any = arithmetic.shift_right
    subtract: Any = arithmetic.subtract
    twos: Any = arithmetic.twos
    zero: Any = arithmetic.zero
    scaled: Any = scaling(arithmetic)
    parameter: Any = extra_strong_parameter(arithmetic)

    @device
    def test(n: Number) -> Flag:
        p = parameter(n)
        if p == COMPOSITE:
            return False
        m = modulus(n)
        one = one_of(m)
        two = add(one, one, m)
        first = scaled(one, p, m)
        even = increment(half(n))  # (n + 1)/2
        doublings = twos(even)  # s − 1
        index = shift_right(even, doublings)

        v, w = first, subtract(multiply(first, first, m), two, m)  # V_1, V_2
        k = bits(index) - ONE
        while k > ZERO:
            k -= ONE
            between = subtract(multiply(v, w, m), first, m)
            if bit(index, k):
                w = subtract(multiply(w, w, m), two, m)
                v = between
            else:
                v = subtract(multiply(v, v, m), two, m)
                w = between

        is_plus_or_minus_two = equal(v, two) or equal(v, subtract(zero(), two, m))
        if is_plus_or_minus_two and equal(add(w, w, m), multiply(first, v, m)):
            return True
        while doublings > ZERO:
            if equal(v, zero()):
                return True
            v = subtract(multiply(v, v, m), two, m)
            doublings -= ONE
        return False

    return test
