"""NIP-01 filters."""

from __future__ import annotations

from typing import Any

import pytest

from newral_spec import limits
from newral_spec.event import Event, sign_event
from newral_spec.keys import SecretKey
from newral_spec.session import Filter, InvalidFilter, parse_filter

SECRET = SecretKey(b"\x01" * 32)
OTHER = SecretKey(b"\x02" * 32).public_key


@pytest.fixture(scope="module")
def event() -> Event:
    return sign_event(
        SECRET, kind=7000, created_at=1000, tags=[["e", "a"], ["p", OTHER], ["e", "b"], ["t"]]
    )


@pytest.mark.parametrize(
    "matching",
    [
        Filter(),
        Filter(kinds=(1, 7000)),
        Filter(authors=(SECRET.public_key,)),
        Filter(tags={"e": ("b", "c")}),
        Filter(tags={"e": ("a",), "p": (OTHER,)}),
        Filter(since=1000, until=1000),
        Filter(limit=0),
    ],
)
def test_a_filter_matches_when_each_of_its_members_does(matching: Filter, event: Event) -> None:
    assert matching.matches(event)


@pytest.mark.parametrize(
    "other",
    [
        Filter(kinds=(1,)),
        Filter(kinds=()),
        Filter(ids=(OTHER,)),
        Filter(authors=(OTHER,)),
        Filter(tags={"e": ("c",)}),
        Filter(tags={"e": ("a",), "p": ("a",)}),
        Filter(tags={"t": ("",)}),
        Filter(since=1001),
        Filter(until=999),
    ],
)
def test_a_filter_does_not_match_when_one_of_its_members_does_not(
    other: Filter, event: Event
) -> None:
    assert not other.matches(event)


def test_a_filter_survives_the_wire() -> None:
    query = Filter(
        ids=(OTHER,), authors=(OTHER,), kinds=(1,), tags={"e": ("x",)}, since=1, until=2, limit=3
    )
    travelled = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in query.to_dict().items()
    }
    assert parse_filter(travelled) == query


@pytest.mark.parametrize(
    "malformed",
    [
        [],
        "kinds",
        {"kinds": 1},
        {"kinds": ["1"]},
        {"kinds": [True]},
        {"kinds": [65536]},
        {"kinds": [-1]},
        {"ids": ["abc"]},
        {"authors": [OTHER.upper()]},
        {"authors": [1]},
        {"since": -1},
        {"since": "1"},
        {"until": 1.5},
        {"limit": None},
        {"limit": 2**40},
        {"#e": "x"},
        {"#e": ["x" * (limits.INDEXED_TAG_VALUE_BYTES_MAX + 1)]},
        {"#ee": ["x"]},
        {"search": "pseudoprime"},
        {"kinds": [1] * (limits.FILTER_VALUES_MAX + 1)},
        {f"#{letter}": ["x"] for letter in "abcdefghi"},
    ],
)
def test_a_malformed_filter_is_refused(malformed: Any) -> None:
    with pytest.raises(InvalidFilter):
        parse_filter(malformed)
