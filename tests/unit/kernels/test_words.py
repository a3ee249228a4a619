"""Word arithmetic in compiled code agrees with Python's integers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newral_kernels.jit import compiled
from newral_kernels.words import (
    add_mod,
    clz64,
    ctz64,
    div_rem_128,
    inverse_word,
    mont_mul,
    mont_one,
    sub_mod,
    umulh,
)

WORD = 2**64

edges = st.sampled_from(
    [0, 1, 2, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, WORD - 2, WORD - 1]
)
words = edges | st.integers(0, WORD - 1)
odd_moduli = words.map(lambda n: n | 1).filter(lambda n: n > 1)


@compiled("uint64(uint64, uint64)")
def high_product(a: Any, b: Any) -> Any:
    return umulh(a, b)


@compiled("uint64(uint64, uint64, uint64)")
def montgomery_product(a: Any, b: Any, n: Any) -> Any:
    return mont_mul(a, b, n, inverse_word(n))


@compiled("UniTuple(uint64, 3)(uint64, uint64, uint64)")
def sums(a: Any, b: Any, n: Any) -> Any:
    return add_mod(a, b, n), sub_mod(a, b, n), mont_one(n)


@compiled("UniTuple(uint64, 2)(uint64, uint64, uint64)")
def long_division(high: Any, low: Any, divisor: Any) -> Any:
    return div_rem_128(high, low, divisor)


@compiled("UniTuple(uint64, 3)(uint64)")
def bits(a: Any) -> Any:
    return ctz64(a), clz64(a), inverse_word(a)


@given(a=words, b=words)
def test_high_products(a: int, b: int) -> None:
    assert high_product(a, b) == a * b // WORD


@given(a=words, b=words, n=odd_moduli)
def test_residues(a: int, b: int, n: int) -> None:
    a, b = a % n, b % n
    assert montgomery_product(a, b, n) == a * b * pow(WORD, -1, n) % n
    assert sums(a, b, n) == ((a + b) % n, (a - b) % n, WORD % n)


@given(high=words, low=words, divisor=words.filter(bool), largest=st.booleans())
def test_long_division(high: int, low: int, divisor: int, largest: bool) -> None:
    high = divisor - 1 if largest else high % divisor
    assert long_division(high, low, divisor) == divmod(high * WORD + low, divisor)


@given(a=words.filter(bool))
def test_bits(a: int) -> None:
    low, high, inverse = bits(a)
    assert low == (a & -a).bit_length() - 1
    assert high == 64 - a.bit_length()
    if a % 2:
        assert inverse == pow(a, -1, WORD)


@pytest.mark.parametrize("value", [-1, WORD])
def test_what_is_no_word_is_refused(value: int) -> None:
    with pytest.raises(OverflowError):
        high_product(value, 1)
