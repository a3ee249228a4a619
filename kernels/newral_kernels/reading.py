"""Reading JSON that somebody else wrote: every field present, of its type, within its bounds."""

from __future__ import annotations

import re

from newral_kernels.errors import FieldError
from newral_kernels.numbers import decode_integer, decode_small_integer, show


class Record:
    """One JSON object with known fields. Everything wrong with it raises `error`."""

    def __init__(
        self,
        value: object,
        *,
        name: str,
        error: type[FieldError],
        required: tuple[str, ...],
        optional: tuple[str, ...] = (),
    ) -> None:
        if not isinstance(value, dict) or value.keys() != set(required):
            _refuse_fields(value, name, error, required, optional)
        assert isinstance(value, dict)
        self._value: dict[str, object] = value
        self._name = name
        self._error = error

    def __contains__(self, field: str) -> bool:
        return field in self._value

    def get(self, field: str) -> object:
        """The field as it is; None where an optional one is absent."""
        return self._value.get(field)

    def integer(self, field: str, *, minimum: int, maximum: int) -> int:
        """A decimal string."""
        value = self._value[field]
        name = self._path(field)
        return decode_integer(
            value, minimum=minimum, maximum=maximum, field=name, error=self._error
        )

    def small_integer(self, field: str, *, minimum: int, maximum: int) -> int:
        """A JSON integer, or a decimal string where it exceeds 2^53 - 1."""
        value = self._value[field]
        name = self._path(field)
        return decode_small_integer(
            value, minimum=minimum, maximum=maximum, field=name, error=self._error
        )

    def array(self, field: str, *, length_max: int) -> list[object]:
        """An array of at most `length_max` values."""
        return read_array(
            self._value[field], name=self._path(field), error=self._error, length_max=length_max
        )

    def text(self, field: str, pattern: re.Pattern[str]) -> str:
        """A string that matches the whole of `pattern`."""
        value = self._value[field]
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self._error(
                self._path(field), f"{show(value)} does not fit", f"it matches {pattern.pattern}"
            )
        return value

    def _path(self, field: str) -> str:
        return f"{self._name}.{field}"


def _refuse_fields(
    value: object,
    name: str,
    error: type[FieldError],
    required: tuple[str, ...],
    optional: tuple[str, ...],
) -> None:
    """Raises `error` unless the value is an object with the required fields and no unknown one."""
    fields = ", ".join(required + optional)
    if not isinstance(value, dict):
        raise error(name, f"{show(value)} is no object", f"give one with the fields {fields}")
    for field in required:
        if field not in value:
            raise error(field, f"{name} lacks it", f"the fields are {fields}")
    for field in value:
        if field not in required and field not in optional:
            raise error(show(field), f"{name} has no such field", f"the fields are {fields}")


def read_array(
    value: object, *, name: str, error: type[FieldError], length_max: int
) -> list[object]:
    """`value` as a list of at most `length_max` values. Raises `error`."""
    if not isinstance(value, list):
        raise error(name, f"{show(value)} is no array", "give an array")
    if len(value) > length_max:
        raise error(name, f"it has {len(value)} values", f"the most is {length_max}")
    return value


def identical(value: object, expected: object) -> bool:
    """Whether two JSON values are the same, types included: 1, 1.0 and true all differ.

    Descends no deeper than `expected`, so that nothing in `value` can exhaust the stack.
    """
    if type(value) is not type(expected):
        return False
    if isinstance(value, dict) and isinstance(expected, dict):
        return value.keys() == expected.keys() and all(
            identical(value[key], expected[key]) for key in expected
        )
    if isinstance(value, list) and isinstance(expected, list):
        return len(value) == len(expected) and all(map(identical, value, expected))
    return value == expected
