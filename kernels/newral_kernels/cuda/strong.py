"""Strong tests on the GPU, one thread for each number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from newral_kernels.cuda.arithmetic import Arithmetic, Modulus, Number
from newral_kernels.cuda.target import U64, Flag, device
from newral_kernels.cuda.word import ONE, ZERO


def scaling(arithmetic: Arithmetic) -> Callable[[Number, U64, Modulus], Number]:
    """k·x modulo n for a word k, by additions: cheaper than a multiplication for small k."""
    add: Any = arithmetic.add
    zero: Any = arithmetic.zero

    @device
    def scaled(x: Number, k: U64, m: Modulus) -> Number:
        total = zero()
        while k > ZERO:
            if k & ONE != ZERO:
                total = add(total, x, m)
            x = add(x, x, m)
            k >>= ONE
        return total

    return scaled


def is_strong_probable_prime(arithmetic: Arithmetic) -> Callable[[Number, U64], Flag]:
    """The test of an odd n >= 3 to a base, a word that n does not divide."""
    bit: Any = arithmetic.bit
    bits: Any = arithmetic.bits
    equal: Any = arithmetic.equal
    half: Any = arithmetic.half
    modulus: Any = arithmetic.modulus
    multiply: Any = arithmetic.multiply
    one_of: Any = arithmetic.one
    shift_right: Any = arithmetic.shift_right
    subtract: Any = arithmetic.subtract
    twos: Any = arithmetic.twos
    zero: Any = arithmetic.zero
    scaled: Any = scaling(arithmetic)

    @device
    def test(n: Number, base: U64) -> Flag:
        m = modulus(n)
        one = one_of(m)
        minus_one = subtract(zero(), one, m)
        even = half(n)  # (n − 1)/2
        squarings = twos(even)
        exponent = shift_right(even, squarings)
        x = scaled(one, base, m)
        k = bits(exponent) - ONE
        while k > ZERO:
            k -= ONE
            x = multiply(x, x, m)
            if bit(exponent, k):
                x = scaled(x, base, m)
        if equal(x, one) or equal(x, minus_one):
            return True
        while squarings > ZERO:
            x = multiply(x, x, m)
            if equal(x, minus_one):
                return True
            squarings -= ONE
        return False

    return test
