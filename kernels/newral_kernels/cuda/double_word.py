"""Odd n from 2^64 to 2^127, on the GPU: pairs of words, the low one first."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from newral_kernels.cuda.arithmetic import Arithmetic, Number
from newral_kernels.cuda.target import U64, Flag, device, umulh
from newral_kernels.cuda.word import ONE, WORD_BITS, ZERO, inverse_word, length, trailing_zeros

Pair: TypeAlias = tuple[U64, U64]
PairModulus: TypeAlias = tuple[U64, U64, U64]
"""The two words of n, and −1/n modulo 2^64."""


@device
def load(ns: Any, column: Any) -> Number:
    return ns[0, column], ns[1, column]


@device
def modulus(n: Pair) -> PairModulus:
    return n[0], n[1], ZERO - inverse_word(n[0])


@device
def one(m: PairModulus) -> Pair:
    """2^128 mod n, by doubling from 2^b − n < n for the length b of n, which is below 128."""
    high_bits = length(m[1])
    power = (ZERO - m[0], (ONE << high_bits) - m[1] - ONE)  # n is odd: the low word borrows
    count = WORD_BITS - high_bits
    while count > ZERO:
        power = add(power, power, m)
        count -= ONE
    return power


@device
def carry_of(condition: Flag) -> U64:
    return ONE if condition else ZERO


@device
def below(a: Pair, b: Pair) -> Flag:
    return a[1] < b[1] or (a[1] == b[1] and a[0] < b[0])


@device
def take(a: Pair, b: Pair) -> Pair:
    """a − b modulo 2^128."""
    return a[0] - b[0], a[1] - b[1] - carry_of(a[0] < b[0])


@device
def zero() -> Pair:
    return ZERO, ZERO


@device
def multiply(a: Pair, b: Pair, m: PairModulus) -> Pair:
    """a·b/2^128 mod n, word by word: P. L. Montgomery (1985), interleaved.

    For a, b < n < 2^127 each partial sum is below 2n < 2^128, so that two words hold it.
    """
    t0, t1 = row(a, b[0], ZERO, ZERO, m)
    t = row(a, b[1], t0, t1, m)
    n = (m[0], m[1])
    return t if below(t, n) else take(t, n)


@device
def row(a: Pair, b: U64, t0: U64, t1: U64, m: PairModulus) -> Pair:
    """(t + a·b + k·n) / 2^64, for the k < 2^64 that makes it exact."""
    # t + a·b, as three words s0, s1, s2.
    product = a[0] * b
    s0 = t0 + product
    # ⌊a0·b / 2^64⌋ is at most 2^64 − 2: one carry more still fits.
    upper = umulh(a[0], b) + carry_of(s0 < product)
    s1 = t1 + upper
    s2 = umulh(a[1], b) + carry_of(s1 < upper)
    product = a[1] * b
    s1 += product
    s2 += carry_of(s1 < product)
    # Add k·n; its low word is −s0, so that the sum of both is 0 with a carry unless s0 is 0.
    k = s0 * m[2]
    upper = umulh(k, m[0]) + carry_of(s0 != ZERO)
    r0 = s1 + upper
    r1 = s2 + umulh(k, m[1]) + carry_of(r0 < upper)
    product = k * m[1]
    r0 += product
    return r0, r1 + carry_of(r0 < product)


@device
def add(a: Pair, b: Pair, m: PairModulus) -> Pair:
    """Sums are below 2^128, since n < 2^127."""
    n = (m[0], m[1])
    low_sum = a[0] + b[0]
    total = (low_sum, a[1] + b[1] + carry_of(low_sum < a[0]))
    return total if below(total, n) else take(total, n)


@device
def subtract(a: Pair, b: Pair, m: PairModulus) -> Pair:
    difference = take(a, b)
    if below(a, b):
        low_sum = difference[0] + m[0]
        return low_sum, difference[1] + m[1] + carry_of(low_sum < m[0])
    return difference


@device
def equal(a: Pair, b: Pair) -> Flag:
    return a[0] == b[0] and a[1] == b[1]


@device
def low(n: Pair) -> U64:
    return n[0]


@device
def half(n: Pair) -> Pair:
    return shift_right(n, ONE)


@device
def increment(n: Pair) -> Pair:
    low_sum = n[0] + ONE
    return low_sum, n[1] + carry_of(low_sum == ZERO)


@device
def shift_right(n: Pair, k: U64) -> Pair:
    if k == ZERO:
        return n
    if k >= WORD_BITS:
        return n[1] >> (k - WORD_BITS), ZERO
    return (n[0] >> k) | (n[1] << (WORD_BITS - k)), n[1] >> k


@device
def twos(n: Pair) -> U64:
    return trailing_zeros(n[0]) if n[0] != ZERO else WORD_BITS + trailing_zeros(n[1])


@device
def bits(n: Pair) -> U64:
    return length(n[0]) if n[1] == ZERO else WORD_BITS + length(n[1])


@device
def bit(n: Pair, k: U64) -> Flag:
    word = n[0] >> k if k < WORD_BITS else n[1] >> (k - WORD_BITS)
    return word & ONE != ZERO


@device
def divisible(n: Pair, p: U64, inverse: U64) -> Flag:
    """Exact division, word by word: T. Jebelean, An algorithm for exact division (1993)."""
    carry = umulh(n[0] * inverse, p)
    rest = (n[1] - carry) * inverse
    return n[1] >= carry and umulh(rest, p) == ZERO


@device
def remainder(n: Pair, d: U64) -> U64:
    """For d < 2^32, so that no product overflows."""
    radix = (ZERO - d) % d  # 2^64 mod d
    return ((n[1] % d) * radix + n[0] % d) % d


@device
def divides(n: Pair, multiple: U64) -> Flag:
    """n is above every word."""
    return n[1] == ZERO and multiple % n[0] == ZERO


@device
def is_square_of(n: Pair, root: U64) -> Flag:
    return root * root == n[0] and umulh(root, root) == n[1]


DOUBLE_WORD: Final = Arithmetic(
    limbs=2,
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
    twos=twos,
    shift_right=shift_right,
    bits=bits,
    bit=bit,
    divisible=divisible,
    remainder=remainder,
    divides=divides,
    is_square_of=is_square_of,
)
