"""The event log agrees with a list and a set, whatever is appended."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newral_relay_bridge.event_log import BEFORE_FIRST, Entry
from newral_relay_bridge.postgres_log import PostgresLog
from newral_spec.postgres import migrate

keys = st.text(st.characters(categories=["L", "N", "P"]), max_size=8)
entries = st.builds(
    Entry,
    key=keys,
    value=st.binary(max_size=40),
    idempotency_key=st.none() | st.sampled_from(["a", "b", "c", "d"]),
)
histories = st.lists(st.lists(entries, max_size=6), max_size=6)

_topics = itertools.count()


@pytest.fixture
def runner(postgres_dsn: str) -> Iterator[asyncio.Runner]:
    """An event loop for every example of a test."""
    with asyncio.Runner() as runner:
        runner.run(_migrate(postgres_dsn))
        yield runner


async def _migrate(dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await migrate(connection, "newral_relay_bridge")


# One database serves all examples: each has a topic of its own.
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories, page=st.integers(1, 5))
def test_a_log_is_a_list_without_what_was_seen(
    runner: asyncio.Runner, postgres_dsn: str, history: list[list[Entry]], page: int
) -> None:
    runner.run(_compare(postgres_dsn, f"topic-{next(_topics)}", history, page))


async def _compare(dsn: str, topic: str, history: list[list[Entry]], page: int) -> None:
    expected: list[Entry] = []
    seen: set[str] = set()
    log = PostgresLog(dsn)
    try:
        for batch in history:
            offsets = await log.append(topic, batch)
            for entry, offset in zip(batch, offsets, strict=True):
                assert offset == (None if entry.idempotency_key in seen else len(expected))
                if offset is not None:
                    expected.append(entry)
                if entry.idempotency_key is not None:
                    seen.add(entry.idempotency_key)
        read: list[tuple[int, str, bytes]] = []
        while records := await log.read(topic, read[-1][0] if read else BEFORE_FIRST, page):
            read += [(record.offset, record.key, record.value) for record in records]
    finally:
        await log.close()
    assert read == [(i, entry.key, entry.value) for i, entry in enumerate(expected)]
