"""Arithmetic modulo an odd n, for device code, whatever the number of words in n.

The tests are written once, in terms of this interface; `word` and `double_word` implement it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from newral_kernels.cuda.target import U64, Flag

Number: TypeAlias = Any
"""A word, or a pair of words with the low one first: numba compiles each function for its type."""

Modulus: TypeAlias = Any
"""An odd n with what its Montgomery multiplication needs."""


class Arithmetic(NamedTuple):
    """Device functions. Residues are in Montgomery form, and below n."""

    limbs: int
    load: Callable[[Any, Any], Number]
    """The number in a column of an array, a word in each row."""
    modulus: Callable[[Number], Modulus]
    one: Callable[[Modulus], Number]
    zero: Callable[[], Number]
    multiply: Callable[[Number, Number, Modulus], Number]
    add: Callable[[Number, Number, Modulus], Number]
    subtract: Callable[[Number, Number, Modulus], Number]
    equal: Callable[[Number, Number], Flag]

    low: Callable[[Number], U64]
    """n mod 2^64."""
    half: Callable[[Number], Number]
    """⌊n/2⌋."""
    increment: Callable[[Number], Number]
    """n + 1, which must not overflow."""
    twos: Callable[[Number], U64]
    """How often 2 divides n > 0."""
    shift_right: Callable[[Number, U64], Number]
    """⌊n / 2^k⌋, for k below the number of bits."""
    bits: Callable[[Number], U64]
    """The length of n > 0 in bits."""
    bit: Callable[[Number, U64], Flag]
    divisible: Callable[[Number, U64, U64], Flag]
    """Whether an odd p divides n, given p and its inverse modulo 2^64."""
    remainder: Callable[[Number, U64], U64]
    """Modulo a d < 2^32."""
    divides: Callable[[Number, U64], Flag]
    """Whether n divides a word."""
    is_square_of: Callable[[Number, U64], Flag]
