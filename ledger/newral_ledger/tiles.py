"""Entry bundles and their paths, as C2SP's tlog-tiles has them.

A bundle holds 256 entries, each as a big-endian 16-bit length and its bytes. The last bundle of a
log may be partial: its path then ends in `.p/` and the number of entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from newral_spec import limits

BUNDLE_WIDTH: Final = 256
"""Entries of a full bundle."""

LENGTH_BYTES: Final = 2

BUNDLE_BYTES_MAX: Final = BUNDLE_WIDTH * (LENGTH_BYTES + limits.TRAIL_ENTRY_BYTES_MAX)

BUNDLE_NUMBER_MAX: Final = 10**12 - 1
"""Four groups of digits: more entries than a log of ours, or a 64-bit offset, needs."""

_GROUPS_MAX: Final = 4
_PATH: Final = re.compile(
    rf"(?P<number>(?:x[0-9]{{3}}/){{0,{_GROUPS_MAX - 1}}}[0-9]{{3}})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
)


class InvalidBundle(ValueError):
    """The bytes are not an entry bundle of the expected width, or the path names none."""


class BundleAddress(NamedTuple):
    """Which bundle, and how many entries of it."""

    number: int
    width: int = BUNDLE_WIDTH

    @property
    def start(self) -> int:
        """The position of the first entry."""
        return self.number * BUNDLE_WIDTH


def bundle_path(address: BundleAddress) -> str:
    """The path below `tile/entries/`: `x001/x234/067`, or `000.p/12` for a partial bundle.

    Raises `ValueError` when the number or the width is out of range.
    """
    number, width = address
    if not 0 <= number <= BUNDLE_NUMBER_MAX or not 1 <= width <= BUNDLE_WIDTH:
        raise ValueError(f"there is no bundle {number} of {width} entries")
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    path = "/".join(reversed(groups))
    return path if width == BUNDLE_WIDTH else f"{path}.p/{width}"


def parse_bundle_path(path: str) -> BundleAddress:
    """The inverse of `bundle_path`. Raises `InvalidBundle`, also for a path in another form."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise InvalidBundle(f"not the path of an entry bundle: {path[:80]!r}")
    number = int(match["number"].replace("x", "").replace("/", ""))
    address = BundleAddress(number, int(match["width"] or BUNDLE_WIDTH))
    if address.width > BUNDLE_WIDTH or bundle_path(address) != path:
        raise InvalidBundle(f"not the shortest path of an entry bundle: {path!r}")
    return address


def bundle_addresses(size: int) -> list[BundleAddress]:
    """The bundles that hold the entries of a log of `size`."""
    full, rest = divmod(size, BUNDLE_WIDTH)
    addresses = [BundleAddress(number) for number in range(full)]
    return [*addresses, BundleAddress(full, rest)] if rest else addresses


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Raises `OverflowError` when an entry has more bytes than its length can say."""
    parts: list[bytes] = []
    for entry in entries:
        parts += (len(entry).to_bytes(LENGTH_BYTES, "big"), entry)
    return b"".join(parts)


def decode_bundle(raw: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle. Raises `InvalidBundle` when it has more, fewer or parts."""
    entries: list[bytes] = []
    at = 0
    for _ in range(width):
        start = at + LENGTH_BYTES
        at = start + int.from_bytes(raw[at:start], "big")
        if at > len(raw) or start > len(raw):
            raise InvalidBundle(f"the bundle ends in entry {len(entries)} of {width}")
        entries.append(raw[start:at])
    if at != len(raw):
        raise InvalidBundle(f"the bundle has {len(raw) - at} bytes after its {width} entries")
    return entries
