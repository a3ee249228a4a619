"""Arithmetic on pairs of 64-bit words, for compiled code: residues modulo an odd n < 2^127.

A number is given as its low and its high word. Residues are in Montgomery form: x stands for
x·2^128 mod n. Everything takes and returns `np.uint64`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from newral_kernels.jit import device
from newral_kernels.words import (
    HALF_BITS,
    HALF_MASK,
    ONE,
    U64,
    WORD_BITS,
    ZERO,
    clz64,
    ctz64,
)

Pair: TypeAlias = tuple[U64, U64]

DOUBLE_WORD_BITS_MAX: Final = 127
"""Bits of a modulus: the sum of two residues has to fit into two words."""

DOUBLE_BITS: Final = np.uint64(128)
LOG_WORD_BITS: Final = np.uint64(6)
BIT_MASK: Final = np.uint64(63)
"""Bit i of a pair is bit `i & BIT_MASK` of its word `i >> LOG_WORD_BITS`."""

_WORD: Final = ir.IntType(64)
_DOUBLE: Final = ir.IntType(128)
_SHIFT: Final = ir.Constant(_DOUBLE, 64)
_PAIR: Final[Any] = types.UniTuple(types.uint64, 2)  # type: ignore[no-untyped-call]
_FLOAT_STEP: Final = np.uint64(48)  # bits of a quotient that a double holds with an error below 1
_WORD_AS_FLOAT: Final = np.float64(2**64)


def _intrinsic(define: Callable[..., Any]) -> Callable[..., Pair]:
    return cast("Callable[..., Pair]", intrinsic(define))


def _as_pair(generate: Callable[..., Any]) -> Callable[..., Any]:
    """Code for numba from a function that emits one 128-bit value out of words."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        value = generate(builder, *args)
        return context.make_tuple(builder, _PAIR, [_low(builder, value), _top(builder, value)])

    return code


def _low(builder: Any, value: Any) -> Any:
    return builder.trunc(value, _WORD)


def _high(builder: Any, value: Any) -> Any:
    return builder.lshr(value, _SHIFT)


def _top(builder: Any, value: Any) -> Any:
    return _low(builder, _high(builder, value))


def _join(builder: Any, low: Any, high: Any) -> Any:
    return builder.or_(builder.zext(low, _DOUBLE), builder.shl(builder.zext(high, _DOUBLE), _SHIFT))


def _mul(builder: Any, a: Any, b: Any) -> Any:
    return builder.mul(builder.zext(a, _DOUBLE), builder.zext(b, _DOUBLE))


def _product(builder: Any, a0: Any, a1: Any, b0: Any, b1: Any) -> tuple[Any, Any]:
    """Low and high half of a·b."""
    bottom = _mul(builder, a0, b0)
    first = builder.add(_mul(builder, a0, b1), _high(builder, bottom))
    second = builder.add(_mul(builder, a1, b0), builder.zext(_low(builder, first), _DOUBLE))
    carries = builder.add(_high(builder, first), _high(builder, second))
    low = _join(builder, _low(builder, bottom), _low(builder, second))
    return low, builder.add(_mul(builder, a1, b1), carries)


def _square(builder: Any, a0: Any, a1: Any) -> tuple[Any, Any]:
    """Low and high half of a², for a < 2^127, whose mixed product fits when doubled."""
    bottom = _mul(builder, a0, a0)
    mixed = builder.shl(_mul(builder, a0, a1), ir.Constant(_DOUBLE, 1))
    middle = builder.add(mixed, _high(builder, bottom))
    low = _join(builder, _low(builder, bottom), _low(builder, middle))
    return low, builder.add(_mul(builder, a1, a1), _high(builder, middle))


def _reduce(builder: Any, low: Any, high: Any, n0: Any, n1: Any, inverse: Any) -> Any:
    """high·2^128 + low, below n·2^128, divided by 2^128 modulo n."""
    for _ in range(2):
        word = _low(builder, low)
        factor = builder.mul(word, inverse)
        zero = builder.add(_mul(builder, factor, n0), builder.zext(word, _DOUBLE))
        carry = builder.add(_high(builder, low), _high(builder, zero))
        low = builder.add(_mul(builder, factor, n1), carry)
    return _below(builder, builder.add(high, low), _join(builder, n0, n1))


def _below(builder: Any, value: Any, n: Any) -> Any:
    """A value below 2n modulo n."""
    less = builder.sub(value, n)
    return builder.select(builder.icmp_unsigned("<", value, n), value, less)


@_intrinsic
def mont_mul_double(
    typing: Any,  # noqa: ARG001 - numba's protocol
    a0: Any,
    a1: Any,
    b0: Any,
    b1: Any,
    n0: Any,
    n1: Any,
    negative_inverse: Any,
) -> Any:
    """a·b/2^128 mod n, below n: for odd n < 2^127, a·b < n·2^128 and `negative_inverse`·n0 ≡ −1
    (mod 2^64)."""

    def generate(
        builder: Any, a0: Any, a1: Any, b0: Any, b1: Any, n0: Any, n1: Any, inverse: Any
    ) -> Any:
        return _reduce(builder, *_product(builder, a0, a1, b0, b1), n0, n1, inverse)

    return _PAIR(a0, a1, b0, b1, n0, n1, negative_inverse), _as_pair(generate)


@_intrinsic
def mont_square_double(
    typing: Any,  # noqa: ARG001
    a0: Any,
    a1: Any,
    n0: Any,
    n1: Any,
    negative_inverse: Any,
) -> Any:
    """a²/2^128 mod n, below n, for a < n; otherwise as `mont_mul_double`."""

    def generate(builder: Any, a0: Any, a1: Any, n0: Any, n1: Any, inverse: Any) -> Any:
        return _reduce(builder, *_square(builder, a0, a1), n0, n1, inverse)

    return _PAIR(a0, a1, n0, n1, negative_inverse), _as_pair(generate)


@_intrinsic
def add_mod_double(typing: Any, a0: Any, a1: Any, b0: Any, b1: Any, n0: Any, n1: Any) -> Any:  # noqa: ARG001
    """a + b mod n, for a, b < n < 2^127."""

    def generate(builder: Any, a0: Any, a1: Any, b0: Any, b1: Any, n0: Any, n1: Any) -> Any:
        total = builder.add(_join(builder, a0, a1), _join(builder, b0, b1))
        return _below(builder, total, _join(builder, n0, n1))

    return _PAIR(a0, a1, b0, b1, n0, n1), _as_pair(generate)


@_intrinsic
def sub_mod_double(typing: Any, a0: Any, a1: Any, b0: Any, b1: Any, n0: Any, n1: Any) -> Any:  # noqa: ARG001
    """a − b mod n, for a, b < n < 2^127."""

    def generate(builder: Any, a0: Any, a1: Any, b0: Any, b1: Any, n0: Any, n1: Any) -> Any:
        first, second = _join(builder, a0, a1), _join(builder, b0, b1)
        less = builder.sub(first, second)
        more = builder.add(less, _join(builder, n0, n1))
        return builder.select(builder.icmp_unsigned("<", first, second), more, less)

    return _PAIR(a0, a1, b0, b1, n0, n1), _as_pair(generate)


@_intrinsic
def add_double(typing: Any, a0: Any, a1: Any, b0: Any, b1: Any) -> Any:  # noqa: ARG001
    """a + b mod 2^128."""

    def generate(builder: Any, a0: Any, a1: Any, b0: Any, b1: Any) -> Any:
        return builder.add(_join(builder, a0, a1), _join(builder, b0, b1))

    return _PAIR(a0, a1, b0, b1), _as_pair(generate)


@_intrinsic
def sub_double(typing: Any, a0: Any, a1: Any, b0: Any, b1: Any) -> Any:  # noqa: ARG001
    """a − b mod 2^128."""

    def generate(builder: Any, a0: Any, a1: Any, b0: Any, b1: Any) -> Any:
        return builder.sub(_join(builder, a0, a1), _join(builder, b0, b1))

    return _PAIR(a0, a1, b0, b1), _as_pair(generate)


@_intrinsic
def mul_double(typing: Any, a0: Any, a1: Any, b0: Any, b1: Any) -> Any:  # noqa: ARG001
    """a·b mod 2^128."""

    def generate(builder: Any, a0: Any, a1: Any, b0: Any, b1: Any) -> Any:
        return builder.mul(_join(builder, a0, a1), _join(builder, b0, b1))

    return _PAIR(a0, a1, b0, b1), _as_pair(generate)


@_intrinsic
def shift_left_double(typing: Any, a0: Any, a1: Any, count: Any) -> Any:  # noqa: ARG001
    """a·2^count mod 2^128, for count < 128."""

    def generate(builder: Any, a0: Any, a1: Any, count: Any) -> Any:
        return builder.shl(_join(builder, a0, a1), builder.zext(count, _DOUBLE))

    return _PAIR(a0, a1, count), _as_pair(generate)


@_intrinsic
def shift_right_double(typing: Any, a0: Any, a1: Any, count: Any) -> Any:  # noqa: ARG001
    """⌊a/2^count⌋, for count < 128."""

    def generate(builder: Any, a0: Any, a1: Any, count: Any) -> Any:
        return builder.lshr(_join(builder, a0, a1), builder.zext(count, _DOUBLE))

    return _PAIR(a0, a1, count), _as_pair(generate)


@device
def less_double(a0: U64, a1: U64, b0: U64, b1: U64) -> bool:
    """Whether a < b."""
    return bool(a1 < b1 or (a1 == b1 and a0 < b0))


@device
def ctz_double(a0: U64, a1: U64) -> U64:
    """How many low bits of a > 0 are zero."""
    return ctz64(a0) if a0 != ZERO else WORD_BITS + ctz64(a1)


@device
def clz_double(a0: U64, a1: U64) -> U64:
    """How many of 128 high bits of a > 0 are zero."""
    return clz64(a1) if a1 != ZERO else WORD_BITS + clz64(a0)


@device
def rem_double(a0: U64, a1: U64, divisor: U64) -> U64:
    """a mod a divisor from 1 to 2^32."""
    rest = ((a1 % divisor) << HALF_BITS | a0 >> HALF_BITS) % divisor
    return (rest << HALF_BITS | a0 & HALF_MASK) % divisor


@device
def float_double(a0: U64, a1: U64) -> float:
    """The nearest double or one of its neighbours."""
    return np.float64(a1) * _WORD_AS_FLOAT + np.float64(a0)


@device
def mont_one_double(n0: U64, n1: U64) -> Pair:
    """2^128 mod n: 1 in Montgomery form, for odd n with 1 < n < 2^127."""
    return power_of_2_double(DOUBLE_BITS, n0, n1)


@device
def power_of_2_double(exponent: U64, n0: U64, n1: U64) -> Pair:
    """2^exponent mod n, for odd n with 1 < n < 2^127: for exponents that are not much larger than
    the bits of n.

    From 2^L mod n, where n has L bits, by quotients of up to 48 bits, estimated in floating point
    and corrected: that is exact, however a machine rounds.
    """
    bits = DOUBLE_BITS - clz_double(n0, n1)
    if exponent < bits:
        return shift_left_double(ONE, ZERO, exponent)
    r0, r1 = shift_left_double(ONE, ZERO, bits)
    r0, r1 = sub_double(r0, r1, n0, n1)
    left = exponent - bits
    divisor = float_double(n0, n1)
    while left > ZERO:
        step = min(left, _FLOAT_STEP)
        left -= step
        quotient = np.uint64(float_double(r0, r1) * np.float64(ONE << step) / divisor)
        q0, q1 = mul_double(n0, n1, quotient, ZERO)
        r0, r1 = shift_left_double(r0, r1, step)
        r0, r1 = sub_double(r0, r1, q0, q1)
        if r1 >> (WORD_BITS - ONE):  # the quotient was one too large
            r0, r1 = add_double(r0, r1, n0, n1)
        elif not less_double(r0, r1, n0, n1):
            r0, r1 = sub_double(r0, r1, n0, n1)
    return r0, r1


@device
def mont_reduce_double(a0: U64, a1: U64, n0: U64, n1: U64, negative_inverse: U64) -> Pair:
    """a/2^128 mod n: the number that a stands for."""
    return mont_mul_double(a0, a1, ONE, ZERO, n0, n1, negative_inverse)


@device
def multiple_double(factor: U64, a0: U64, a1: U64, n0: U64, n1: U64) -> Pair:
    """factor·a mod n, for a < n, by additions: for small factors."""
    total0, total1 = ZERO, ZERO
    while factor != ZERO:
        if factor & ONE:
            total0, total1 = add_mod_double(total0, total1, a0, a1, n0, n1)
        a0, a1 = add_mod_double(a0, a1, a0, a1, n0, n1)
        factor >>= ONE
    return total0, total1


@device
def div_double(a0: U64, a1: U64, divisor: U64) -> tuple[U64, U64, U64]:
    """Low and high word of ⌊a / divisor⌋, and the remainder, for a divisor from 1 to 2^32."""
    high, rest = a1 // divisor, a1 % divisor
    rest = rest << HALF_BITS | a0 >> HALF_BITS
    middle, rest = rest // divisor, rest % divisor
    rest = rest << HALF_BITS | a0 & HALF_MASK
    return middle << HALF_BITS | rest // divisor, high, rest % divisor
