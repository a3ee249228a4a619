"""Integers as people write them, and as JSON carries them."""

from __future__ import annotations

import pytest

from newral_kernels.errors import ParamsError, ResultError
from newral_kernels.numbers import (
    decode_integer,
    decode_small_integer,
    encode_integer,
    encode_small_integer,
    parse_integer,
    show,
)


def parse(value: object) -> int:
    return parse_integer(value, minimum=-(10**30), maximum=10**30, field="bound")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("123", 123),
        ("  123 ", 123),
        ("1_000_000", 10**6),
        ("10^9", 10**9),
        ("10**9", 10**9),
        ("1e9", 10**9),
        ("5E+3", 5000),
        ("2^64+1", 2**64 + 1),
        ("2^64+10^6-1", 2**64 + 10**6 - 1),
        ("-5", -5),
        ("0", 0),
        ("1^999999999", 1),
        ("0^99", 0),
        (77, 77),
        (-(2**70), -(2**70)),
    ],
)
def test_every_written_form_is_understood(text: object, value: int) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    "text",
    ["", " ", "x", "1.5", "10^", "^9", "1 000", "1,000", "0x10", "10^9^2", "2*3", "1__0", "٣", "+"],
)
def test_other_text_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ParamsError, match=r"bound: .*10\^9"):
        parse(text)


@pytest.mark.parametrize("value", [True, None, 1.0, [1], {"a": 1}])
def test_other_json_is_refused(value: object) -> None:
    with pytest.raises(ParamsError, match="is no integer"):
        parse(value)


@pytest.mark.parametrize("text", ["9^9999999999", "1e999999999", "9" * 500, "2^4097"])
def test_absurd_sizes_are_refused_without_computing_them(text: str) -> None:
    with pytest.raises(ParamsError):
        parse(text)


def test_a_number_out_of_range_is_refused_with_the_limit() -> None:
    with pytest.raises(ParamsError, match=r"bound: 10\^17 is too large; the most is 10\^16"):
        parse_integer("10^17", minimum=1, maximum=10**16, field="bound")
    with pytest.raises(ParamsError, match=r"bound: 0 is too small; the least is 1"):
        parse_integer(0, minimum=1, maximum=10**16, field="bound")


@pytest.mark.parametrize("number", [0, 1, -7, 2**53 - 1, 2**53, 2**64, 10**40])
def test_integers_survive_both_encodings(number: int) -> None:
    limits = {"minimum": -(10**40), "maximum": 10**40}
    assert decode_integer(encode_integer(number), **limits, field="n", error=ResultError) == number
    assert (
        decode_small_integer(encode_small_integer(number), **limits, field="n", error=ResultError)
        == number
    )


@pytest.mark.parametrize("text", ["01", "+1", "-0", "1_0", " 1", "1e3", "", "٣", 1, None, True])
def test_only_the_canonical_decimal_string_is_decoded(text: object) -> None:
    with pytest.raises(ResultError):
        decode_integer(text, minimum=-9, maximum=10**6, field="n", error=ResultError)


@pytest.mark.parametrize("value", ["5", 2**53, 1.0, True])
def test_a_small_integer_has_one_encoding(value: object) -> None:
    with pytest.raises(ResultError):
        decode_small_integer(value, minimum=0, maximum=2**60, field="n", error=ResultError)


def test_any_value_is_shown_briefly() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (deep, 10**10_000, "x" * 10**6, {"a": deep}, 2**5000):
        assert len(show(value)) < 80
