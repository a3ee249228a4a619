"""Odd n below 2^64, on the GPU."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from newral_kernels.cuda.arithmetic import Arithmetic, Number
from newral_kernels.cuda.target import U64, Flag, device, umulh

ZERO: Final = np.uint64(0)
ONE: Final = np.uint64(1)
TWO: Final = np.uint64(2)
THREE: Final = np.uint64(3)
WORD_BITS: Final = np.uint64(64)
HALF_BITS: Final = np.uint64(32)
HALF_MASK: Final = np.uint64(2**32 - 1)


@device
def inverse_word(n: U64) -> U64:
    """The inverse of an odd n modulo 2^64, by Newton's iteration from 5 good bits."""
    x = (THREE * n) ^ TWO
    x = x * (TWO - n * x)
    x = x * (TWO - n * x)
    x = x * (TWO - n * x)
    return x * (TWO - n * x)


@device
def length(n: U64) -> U64:
    """The number of bits of n > 0, by bisection: the simulator has no instruction for it."""
    bits = ONE
    step = HALF_BITS
    while step > ZERO:
        if n >> step:
            n >>= step
            bits += step
        step >>= ONE
    return bits


@device
def trailing_zeros(n: U64) -> U64:
    """How many low bits of n > 0 are zero."""
    return length(n & (ZERO - n)) - ONE


@device
def load(ns: Any, column: Any) -> Number:
    return ns[0, column]


@device
def modulus(n: U64) -> tuple[U64, U64]:
    return n, inverse_word(n)


@device
def one(m: tuple[U64, U64]) -> U64:
    """2^64 mod n, for n > 1."""
    return (ZERO - m[0]) % m[0]


@device
def zero() -> U64:
    return ZERO


@device
def multiply(a: U64, b: U64, m: tuple[U64, U64]) -> U64:
    """a·b/2^64 mod n."""
    high = umulh(a, b)
    taken = umulh(a * b * m[1], m[0])
    return high - taken if high >= taken else high - taken + m[0]


@device
def add(a: U64, b: U64, m: tuple[U64, U64]) -> U64:
    gap = m[0] - b
    return a - gap if a >= gap else a + b


@device
def subtract(a: U64, b: U64, m: tuple[U64, U64]) -> U64:
    return a - b if a >= b else a - b + m[0]


@device
def equal(a: U64, b: U64) -> Flag:
    return a == b


@device
def low(n: U64) -> U64:
    return n


@device
def half(n: U64) -> U64:
    return n >> ONE


@device
def increment(n: U64) -> U64:
    return n + ONE


@device
def shift_right(n: U64, k: U64) -> U64:
    return n >> k


@device
def bit(n: U64, k: U64) -> Flag:
    return (n >> k) & ONE != ZERO


@device
def divisible(n: U64, p: U64, inverse: U64) -> Flag:
    """Exact division: the only q with q·p ≡ n (mod 2^64) has q·p < 2^64."""
    return umulh(n * inverse, p) == ZERO


@device
def remainder(n: U64, d: U64) -> U64:
    return n % d


@device
def divides(n: U64, multiple: U64) -> Flag:
    return multiple % n == ZERO


@device
def is_square_of(n: U64, root: U64) -> Flag:
    return root * root == n and umulh(root, root) == ZERO


WORD: Final = Arithmetic(
    limbs=1,
    load=load,
    modulus=modulus,
    one=one,
    zero=zero,
    multiply=multiply,
    add=add,
    subtract=subtract,
    equal=equal,
    low=low,
    half=half,
    increment=increment,
    twos=trailing_zeros,
    shift_right=shift_right,
    bits=length,
    bit=bit,
    divisible=divisible,
    remainder=remainder,
    divides=divides,
    is_square_of=is_square_of,
)
