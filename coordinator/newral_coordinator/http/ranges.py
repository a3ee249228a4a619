"""The `Range` header (RFC 9110 section 14) for a single range of bytes."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

# Nineteen digits are more bytes than exist; an unbounded number would be slow to convert.
_SINGLE: Final = re.compile(r"bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.IGNORECASE)


class UnsatisfiableRange(ValueError):
    """The range asked for lies beyond the end."""


class ByteRange(NamedTuple):
    """The bytes from `start` up to, and without, `stop`."""

    start: int
    stop: int


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The part that is asked for of `size` bytes, or None for the whole.

    A header that is malformed, of another unit, or of several ranges is ignored, as RFC 9110
    allows. Raises `UnsatisfiableRange`.
    """
    match = _SINGLE.fullmatch(header) if header is not None else None
    if match is None or match.group(1, 2) == ("", ""):
        return None
    first, last = match.group(1, 2)
    if first == "":  # the last so many bytes
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), size if last == "" else min(size, int(last) + 1)
        if last != "" and int(last) < int(first):
            return None
    if start >= stop:
        raise UnsatisfiableRange(f"there are {size} bytes, the range begins at {start}")
    return ByteRange(start, stop)
