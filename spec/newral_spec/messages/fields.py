"""Field types and helpers that several messages share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec

from newral_spec import keys, limits
from newral_spec.event import Event, Tag

# In Python a `$` matches before a last newline too, in the ECMA dialect of JSON Schema it does not:
# with `(?!\n)` before it both mean the end.

Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", min_length=64, max_length=64)]
"""32 bytes as lower-case hexadecimal: an id, a key or a hash."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]*(?!\n)$", min_length=1, max_length=64)]
"""A kernel or stage name."""

Version = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9A-Za-z.+-]+(?!\n)$", min_length=1, max_length=32)
]

Microcredits = Annotated[int, msgspec.Meta(ge=0, le=limits.BID_MICROCREDITS_MAX)]
"""An amount: 10^-6 credits, an integer."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]

UnixSeconds = Annotated[int, msgspec.Meta(ge=0, le=2**40)]

Reason = Annotated[str, msgspec.Meta(max_length=limits.REASON_CHARS_MAX)]

Url = Annotated[str, msgspec.Meta(max_length=512, pattern=r"^(wss?|https?)://[!-~]+(?!\n)$")]
"""Printable ASCII, as RFC 3986 has it."""

Json = dict[str, Any]

_T = TypeVar("_T")
_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,18})")


class InvalidMessage(ValueError):
    """The event is authentic but does not say what its kind must say.

    `code` names the first rule broken, as in the names of the test vectors.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BlobRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A blob by its SHA-256 and its size in bytes."""

    sha256: Hex32
    size: Annotated[int, msgspec.Meta(ge=0, le=limits.BLOB_BYTES_MAX)]


def decode_content(raw: str, schema: type[_T]) -> _T:
    """Parse JSON content strictly. Raises `InvalidMessage` with code `content`."""
    try:
        return msgspec.json.decode(raw, type=schema)
    except msgspec.ValidationError as error:
        raise InvalidMessage("content", f"content: {error}") from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidMessage("content", f"content is not valid JSON: {error}") from error


def encode_content(value: object) -> str:
    """Compact JSON with sorted keys."""
    return msgspec.json.encode(value, order="sorted").decode()


def require_kind(event: Event, *kinds: int) -> None:
    """Raises `InvalidMessage` with code `kind` unless the event is of one of `kinds`."""
    if event.kind not in kinds:
        raise InvalidMessage("kind", f"kind {event.kind} where {', '.join(map(str, kinds))} is due")


def required_tag(event: Event, name: str) -> str:
    """The first value of the tag. Raises `InvalidMessage` with code `missing_<name>`."""
    value = event.first(name)
    if value is None:
        raise InvalidMessage(f"missing_{name}", f"there must be a tag {name!r}")
    return value


def hex_tag(event: Event, name: str) -> str:
    """The tag's value as 32 bytes in hexadecimal. Raises `InvalidMessage`."""
    value = required_tag(event, name)
    if not keys.is_hex32(value):
        raise InvalidMessage(
            f"bad_{name}", f"tag {name!r} must be 64 lower-case hexadecimal digits"
        )
    return value


def decimal_tag(event: Event, name: str) -> int | None:
    """The tag's value as a decimal integer, or None without one. Raises `InvalidMessage`."""
    value = event.first(name)
    return None if value is None else parse_decimal(value, name)


def parse_decimal(value: str, name: str) -> int:
    """A non-negative integer below 10^19 in plain digits. Raises `InvalidMessage`."""
    if _DECIMAL.fullmatch(value) is None:
        raise InvalidMessage(f"bad_{name}", f"{name} must be a non-negative decimal integer")
    return int(value)


def tags_of(values: Mapping[str, str | None]) -> tuple[Tag, ...]:
    """A tag for every value that is not None, in order."""
    return tuple((name, value) for name, value in values.items() if value is not None)
