"""Integers as people write them and as JSON carries them."""

from __future__ import annotations

import functools
import re
from typing import Final, TypeVar

from newral_kernels.errors import FieldError, ParamsError

JSON_INTEGER_MAX: Final = 2**53 - 1  # the largest that survives a reader that holds doubles
TEXT_CHARS_MAX: Final = 128  # of a written number; the longest sensible one is far shorter
INTEGER_BITS_MAX: Final = 4096  # of any part of a written number, checked before it is computed
SHOWN_CHARS_MAX: Final = 40  # of somebody else's value, in an error message

_DIGITS: Final = r"[0-9]+(?:_[0-9]+)*"
_TERM: Final = re.compile(
    rf"(?P<sign>[+-]?)(?P<base>{_DIGITS})"
    rf"(?:(?:\^|\*\*)(?P<power>{_DIGITS})|[eE]\+?(?P<scale>{_DIGITS}))?"
)
_CANONICAL: Final = re.compile(r"0|-?[1-9][0-9]*")
_WRITTEN_LIKE: Final = "written like 1000, 1_000, 10^9, 1e9 or 2^64+1"

Error = TypeVar("Error", bound=FieldError)


def parse_integer(value: object, *, minimum: int, maximum: int, field: str = "integer") -> int:
    """An integer that a person wrote: `123`, `1_000`, `10^9`, `10**9`, `1e9`, sums of those.

    Raises `ParamsError`, which names `field`, for anything else and outside [minimum, maximum].
    """
    right = f"give an integer from {show(minimum)} to {show(maximum)}"
    if isinstance(value, str):
        number = _evaluate(value.strip(), field, f"{right}, {_WRITTEN_LIKE}")
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        raise ParamsError(field, f"{show(value)} is no integer", f"{right}, {_WRITTEN_LIKE}")
    return _in_range(number, minimum, maximum, field, ParamsError)


def encode_integer(number: int) -> str:
    """The form of an integer that may exceed 2^53 - 1."""
    return str(number)


def encode_small_integer(number: int) -> int | str:
    """A JSON number up to 2^53 - 1, a decimal string beyond."""
    return number if abs(number) <= JSON_INTEGER_MAX else str(number)


def decode_integer(
    value: object, *, minimum: int, maximum: int, field: str, error: type[FieldError]
) -> int:
    """The inverse of `encode_integer`, for its one canonical form only. Raises `error`."""
    if (
        not isinstance(value, str)
        or len(value) > _digits_max(minimum, maximum)
        or not _CANONICAL.fullmatch(value)
    ):
        raise error(
            field,
            f"{show(value)} is no decimal string",
            f"give one from {show(minimum)} to {show(maximum)}",
        )
    return _in_range(int(value), minimum, maximum, field, error)


def decode_small_integer(
    value: object, *, minimum: int, maximum: int, field: str, error: type[FieldError]
) -> int:
    """The inverse of `encode_small_integer`, for its one canonical form only. Raises `error`."""
    if type(value) is int and minimum <= value <= JSON_INTEGER_MAX and value <= maximum:
        return value  # nearly always, and of factors there are millions
    if isinstance(value, str) and maximum > JSON_INTEGER_MAX:
        lowest = max(minimum, JSON_INTEGER_MAX + 1)
        return decode_integer(value, minimum=lowest, maximum=maximum, field=field, error=error)
    if not isinstance(value, int) or isinstance(value, bool):
        raise error(
            field,
            f"{show(value)} is no integer",
            f"give one from {show(minimum)} to {show(maximum)}",
        )
    return _in_range(value, minimum, min(maximum, JSON_INTEGER_MAX), field, error)


def show(value: object) -> str:
    """A short, safe text for a value of any type, size and depth."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _show_integer(value)
    if isinstance(value, str):
        text = value[:SHOWN_CHARS_MAX]
        return repr(text) if len(text) == len(value) else f"{text!r}…"
    if value is None or isinstance(value, bool | float):
        return repr(value)
    return f"a value of type {type(value).__name__}"


def _show_integer(number: int) -> str:
    if number.bit_length() > INTEGER_BITS_MAX:
        return f"an integer of {number.bit_length()} bits"
    if number >= 2**16 and number & (number - 1) == 0:
        return f"2^{number.bit_length() - 1}"
    text = str(number)
    if len(text) > 4 and text.startswith("1") and not text[1:].strip("0"):
        return f"10^{len(text) - 1}"
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}…"


def _evaluate(text: str, field: str, right: str) -> int:
    if not text or len(text) > TEXT_CHARS_MAX:
        raise ParamsError(field, f"{show(text)} has {len(text)} characters", right)
    total, position = 0, 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None or (position > 0 and not term["sign"]):
            raise ParamsError(field, f"{show(text)} is no integer", right)
        size = _term_value(term)
        if size is None:
            raise ParamsError(field, f"{show(text)} is far too large", right)
        total += -size if term["sign"] == "-" else size
        position = term.end()
    return total


def _term_value(term: re.Match[str]) -> int | None:
    """The value of one term without its sign; None when it would be absurdly large."""
    base = int(term["base"])
    if term["power"] is not None:
        exponent, factor, multiplier = int(term["power"]), base, 1
    elif term["scale"] is not None:
        exponent, factor, multiplier = int(term["scale"]), 10, base
    else:
        return base
    if factor > 1 and factor.bit_length() * exponent > INTEGER_BITS_MAX:
        return None
    power: int = factor ** min(exponent, INTEGER_BITS_MAX)  # the limit only bounds 0^k and 1^k
    return multiplier * power


@functools.lru_cache(maxsize=256)  # writing a large bound costs more than reading a small number
def _digits_max(minimum: int, maximum: int) -> int:
    return max(len(str(minimum)), len(str(maximum)))


def _in_range(number: int, minimum: int, maximum: int, field: str, error: type[Error]) -> int:
    if number < minimum:
        raise error(field, f"{show(number)} is too small", f"the least is {show(minimum)}")
    if number > maximum:
        raise error(field, f"{show(number)} is too large", f"the most is {show(maximum)}")
    return number
