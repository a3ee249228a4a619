"""The `Range` header: what comes out is always within the blob, and what RFC 9110 says."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newral_coordinator.http.ranges import ByteRange, UnsatisfiableRange, parse_range

sizes = st.integers(0, 1000)


@given(st.text() | st.from_regex(r"bytes=[0-9]*-[0-9]*"), sizes)
def test_any_header_gives_a_part_of_the_blob_or_the_whole(header: str, size: int) -> None:
    with contextlib.suppress(UnsatisfiableRange):
        part = parse_range(header, size)
        assert part is None or 0 <= part.start < part.stop <= size


@given(st.integers(0, 1000), st.integers(0, 1000), sizes)
def test_first_and_last_select_what_a_slice_does(first: int, last: int, size: int) -> None:
    data = bytes(range(256)) * 4
    header = f"bytes={first}-{last}"
    if last < first:
        assert parse_range(header, size) is None
    elif first >= size:
        with pytest.raises(UnsatisfiableRange):
            parse_range(header, size)
    else:
        part = parse_range(header, size)
        assert part is not None
        assert data[part.start : part.stop] == data[:size][first : last + 1]


@given(st.integers(0, 2000), sizes)
def test_a_suffix_is_the_last_bytes(length: int, size: int) -> None:
    if length == 0 or size == 0:
        with pytest.raises(UnsatisfiableRange):
            parse_range(f"bytes=-{length}", size)
    else:
        assert parse_range(f"bytes=-{length}", size) == ByteRange(max(0, size - length), size)


def test_no_header_asks_for_the_whole() -> None:
    assert parse_range(None, 10) is None
