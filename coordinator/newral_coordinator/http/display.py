"""Numbers, times and names as people read them."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_UNIX_MAX: Final = 253402300799  # the end of the year 9999, the last that a datetime knows

# Control and format characters, among them those that turn the direction of text; surrogates.
_INVISIBLE: Final = frozenset(("Cc", "Cf", "Cs"))


def count(number: int) -> str:
    """With separators: `12,345`."""
    return f"{number:,}"


def credits_of(microcredits: int) -> str:
    """Micro-credits as credits: two decimals, or four where it would look like nothing."""
    decimals = 4 if 0 < abs(microcredits) < 1_000_000 else 2
    return f"{microcredits / 1_000_000:,.{decimals}f}"


def duration(seconds: int) -> str:
    """The largest two units: `3 d 4 h`, `12 min`, `8 s`."""
    seconds = max(0, seconds)
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE} min"
    return f"{count(seconds // _DAY)} d {seconds % _DAY // _HOUR} h"


def timestamp(unix_s: int) -> str:
    """ISO 8601 in UTC."""
    return datetime.fromtimestamp(min(max(0, unix_s), _UNIX_MAX), UTC).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )


def percent(share: float) -> str:
    """A share between 0 and 1; 100 % only when it is complete."""
    bounded = min(1.0, max(0.0, share))
    return f"{int(bounded * 1000) / 10:.1f} %" if bounded < 1 else "100 %"


def short_key(text: str) -> str:
    """The two ends of a key or hash."""
    return text if len(text) <= 16 else f"{text[:8]}…{text[-6:]}"


def shortened(text: str, chars_max: int) -> str:
    """At most so many characters, on one line, without those that only steer the display."""
    line = " ".join(text.split())
    line = "".join(char for char in line if unicodedata.category(char) not in _INVISIBLE)
    return line if len(line) <= chars_max else f"{line[: chars_max - 1]}…"
