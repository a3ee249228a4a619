"""Arithmetic on 64-bit words, for compiled code: products of 128 bits, and residues modulo odd n.

Residues are in Montgomery form (P. L. Montgomery, Modular multiplication without trial division,
1985): x stands for x·2^64 mod n. Everything takes and returns `np.uint64`: numba turns a mixture
with int64 into floats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from newral_kernels.jit import device

U64: TypeAlias = np.uint64

ZERO: Final = np.uint64(0)
ONE: Final = np.uint64(1)
TWO: Final = np.uint64(2)
THREE: Final = np.uint64(3)
WORD_BITS: Final = np.uint64(64)
HALF_BITS: Final = np.uint64(32)
HALF_MASK: Final = np.uint64(2**32 - 1)

_WORD: Final = ir.IntType(64)
_DOUBLE: Final = ir.IntType(128)
_SHIFT: Final = ir.Constant(_DOUBLE, 64)


def _intrinsic(define: Callable[..., Any]) -> Callable[..., U64]:
    return cast("Callable[..., U64]", intrinsic(define))


@_intrinsic
def umulh(typing: Any, a: Any, b: Any) -> Any:  # noqa: ARG001 - numba's protocol
    """⌊a·b / 2^64⌋."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _high(builder, *args)

    return types.uint64(types.uint64, types.uint64), generate


@_intrinsic
def mont_mul(typing: Any, a: Any, b: Any, n: Any, inverse: Any) -> Any:  # noqa: ARG001
    """a·b/2^64 mod n, below n: for odd n < 2^64, a·b < n·2^64 and inverse·n ≡ 1 (mod 2^64)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        first, second, modulus, inverse = args
        product = builder.mul(builder.zext(first, _DOUBLE), builder.zext(second, _DOUBLE))
        low = builder.trunc(product, _WORD)
        high = builder.trunc(builder.lshr(product, _SHIFT), _WORD)
        taken = _high(builder, builder.mul(low, inverse), modulus)
        difference = builder.sub(high, taken)
        borrow = builder.icmp_unsigned("<", high, taken)
        return builder.select(borrow, builder.add(difference, modulus), difference)

    word = types.uint64
    return word(word, word, word, word), generate


@_intrinsic
def ctz64(typing: Any, a: Any) -> Any:  # noqa: ARG001
    """How many low bits of a > 0 are zero."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


@_intrinsic
def clz64(typing: Any, a: Any) -> Any:  # noqa: ARG001
    """How many high bits of a > 0 are zero."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


def _high(builder: Any, a: Any, b: Any) -> Any:
    product = builder.mul(builder.zext(a, _DOUBLE), builder.zext(b, _DOUBLE))
    return builder.trunc(builder.lshr(product, _SHIFT), _WORD)


@device
def inverse_word(n: U64) -> U64:
    """The inverse of an odd n modulo 2^64.

    By Newton's iteration from 5 good bits: J.-M. Muller et al., Handbook of Floating-Point
    Arithmetic; the start 3n xor 2 is Montgomery's.
    """
    x = (THREE * n) ^ TWO
    x = x * (TWO - n * x)
    x = x * (TWO - n * x)
    x = x * (TWO - n * x)
    return x * (TWO - n * x)


@device
def mont_one(n: U64) -> U64:
    """2^64 mod n: 1 in Montgomery form, for odd n > 1."""
    return (ZERO - n) % n


@device
def add_mod(a: U64, b: U64, n: U64) -> U64:
    """a + b mod n, for a, b < n < 2^64."""
    gap = n - b
    return a - gap if a >= gap else a + b


@device
def sub_mod(a: U64, b: U64, n: U64) -> U64:
    """a − b mod n, for a, b < n < 2^64."""
    difference = a - b
    return difference if a >= b else difference + n


@device
def div_rem_128(high: U64, low: U64, divisor: U64) -> tuple[U64, U64]:
    """Quotient and remainder of high·2^64 + low by a divisor > high.

    Knuth's algorithm D on 32-bit digits (The Art of Computer Programming 2, section 4.3.1):
    LLVM's own 128-bit division needs a runtime function that compiled code does not find.
    """
    shift = clz64(divisor)
    divisor <<= shift
    if shift > ZERO:
        high = (high << shift) | (low >> (WORD_BITS - shift))
        low <<= shift
    first, rest = _digit(high, low >> HALF_BITS, divisor)
    second, rest = _digit(rest, low & HALF_MASK, divisor)
    return (first << HALF_BITS) | second, rest >> shift


@device
def _digit(high: U64, digit: U64, divisor: U64) -> tuple[U64, U64]:
    """One quotient digit of high·2^32 + digit, and the remainder; divisor > high and >= 2^63."""
    top, bottom = divisor >> HALF_BITS, divisor & HALF_MASK
    quotient = high // top
    rest = high - quotient * top
    while quotient > HALF_MASK or quotient * bottom > (rest << HALF_BITS) | digit:
        quotient -= ONE
        rest += top
        if rest > HALF_MASK:
            break
    return quotient, ((high << HALF_BITS) | digit) - quotient * divisor
