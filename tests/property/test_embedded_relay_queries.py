"""The embedded relay's SQL and its index of live subscriptions agree with `Filter.matches`."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newral_relay_bridge.embedded_relay.storage import EventReader, EventWriter, Insertion
from newral_relay_bridge.embedded_relay.subscriptions import Subscription, SubscriptionIndex
from newral_spec.event import Event, sign_event
from newral_spec.keys import SecretKey
from newral_spec.session import Filter

AUTHORS = [SecretKey(bytes([number]) * 32) for number in (1, 2, 3)]
NOW = 1_000_000
# Regular kinds only: replaceable ones would leave the table again.
EVENTS = [
    sign_event(
        AUTHORS[number % 3],
        kind=(1, 5990, 7000)[number // 3 % 3],
        created_at=NOW + number // 4,
        tags=[
            ["t", "ab"[number % 2]],
            ["e", str(number % 5)],
            ["e", str(number % 7)],
            ["long", "x"],
        ],
        content=str(number),
    )
    for number in range(120)
]


def some(values: list[str]) -> st.SearchStrategy[tuple[str, ...] | None]:
    return st.none() | st.lists(st.sampled_from(values), max_size=3).map(tuple)


FILTERS = st.builds(
    Filter,
    ids=some([event.id for event in EVENTS[:4]] + ["00" * 32]),
    authors=some([author.public_key for author in AUTHORS]),
    kinds=st.none() | st.lists(st.sampled_from([1, 2, 5990, 7000]), max_size=3).map(tuple),
    tags=st.dictionaries(
        st.sampled_from("tex"),
        st.lists(st.sampled_from("ab0123"), max_size=3).map(tuple),
        max_size=2,
    ),
    since=st.none() | st.integers(NOW - 1, NOW + 31),
    until=st.none() | st.integers(NOW - 1, NOW + 31),
    limit=st.none() | st.integers(0, 20),
)


@pytest.fixture(scope="module")
def reader() -> Iterator[EventReader]:
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "events.db"
        with contextlib.closing(EventWriter(database)) as writer:
            stored = writer.store(EVENTS)
            assert {outcome.insertion for outcome in stored} == {Insertion.STORED}
            with contextlib.closing(EventReader(database)) as opened:
                yield opened


def newest_first(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (-event.created_at, event.id))


@settings(max_examples=200, deadline=None)
@given(filters=st.lists(FILTERS, min_size=1, max_size=3).map(tuple))
def test_stored_events_are_found_as_the_filters_say(
    reader: EventReader, filters: tuple[Filter, ...]
) -> None:
    expected: set[Event] = set()
    for query in filters:
        matching = newest_first([event for event in EVENTS if query.matches(event)])
        expected.update(matching[: query.limit])
    found = reader.find(filters, NOW)
    assert reader.read(found.rows) == [event.to_json() for event in newest_first(list(expected))]
    assert found.horizon == len(EVENTS)


@settings(max_examples=100, deadline=None)
@given(filters=st.lists(FILTERS, min_size=1, max_size=3).map(tuple))
def test_events_are_counted_once_however_many_filters_match(
    reader: EventReader, filters: tuple[Filter, ...]
) -> None:
    matching = [event for event in EVENTS if any(item.matches(event) for item in filters)]
    assert reader.count(filters, NOW) == len(matching)


@given(
    subscriptions=st.lists(st.lists(FILTERS, min_size=1, max_size=2).map(tuple), max_size=8),
    removed=st.sets(st.integers(0, 7)),
    event=st.sampled_from(EVENTS),
)
def test_the_index_finds_each_open_subscription_that_matches(
    subscriptions: list[tuple[Filter, ...]], removed: set[int], event: Event
) -> None:
    index: SubscriptionIndex[str] = SubscriptionIndex()
    opened = [Subscription("client", str(n), filters) for n, filters in enumerate(subscriptions)]
    for subscription in opened:
        index.add(subscription)
    for number in removed & set(range(len(opened))):
        index.remove(opened[number])
    expected = {
        subscription.name
        for number, subscription in enumerate(opened)
        if number not in removed and any(item.matches(event) for item in subscription.filters)
    }
    found = [subscription.name for subscription in index.matching(event)]
    assert len(found) == len(set(found))
    assert set(found) == expected
