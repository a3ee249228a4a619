"""What every implementation of the event log promises."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import pairwise

import psycopg
import pytest

from newral_relay_bridge.event_log import (
    BEFORE_FIRST,
    ENTRIES_MAX,
    READ_BYTES_MAX,
    VALUE_BYTES_MAX,
    Entry,
    EventLog,
    EventLogClosed,
    Record,
)
from newral_relay_bridge.postgres_log import PostgresLog
from newral_spec.postgres import migrate

OpenLog = Callable[[], Awaitable[EventLog]]


async def _open_postgres(dsn: str) -> EventLog:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await migrate(connection, "newral_relay_bridge")
    return PostgresLog(dsn)


@pytest.fixture(params=["postgres"])
async def open_log(postgres_dsn: str) -> AsyncIterator[OpenLog]:
    """Opens the log again for each process that a test plays."""
    async with AsyncExitStack() as stack:

        async def open_one() -> EventLog:
            log = await _open_postgres(postgres_dsn)
            stack.push_async_callback(log.close)
            return log

        yield open_one


@pytest.fixture
async def log(open_log: OpenLog) -> EventLog:
    return await open_log()


def entry(value: str, *, about: str | None = None) -> Entry:
    return Entry(key="author", value=value.encode(), idempotency_key=about)


async def read_all(log: EventLog, topic: str) -> list[Record]:
    return await log.read(topic, BEFORE_FIRST, 100_000)


def values(records: list[Record]) -> list[str]:
    return [record.value.decode() for record in records]


async def test_what_is_appended_is_read_in_order(log: EventLog) -> None:
    before = time.time()
    offsets = await log.append("inbound", [entry("one"), entry("two")])
    offsets += await log.append("inbound", [Entry(key="other", value=b"\x00\xff")])
    records = await read_all(log, "inbound")
    assert [record.value for record in records] == [b"one", b"two", b"\x00\xff"]
    assert [record.key for record in records] == ["author", "author", "other"]
    assert [record.offset for record in records] == offsets
    assert all(earlier.offset < later.offset for earlier, later in pairwise(records))
    assert {record.topic for record in records} == {"inbound"}
    assert all(before - 1 < record.appended_at < time.time() + 1 for record in records)


async def test_a_reader_goes_on_after_the_last_offset(log: EventLog) -> None:
    await log.append("inbound", [entry(str(number)) for number in range(10)])
    seen: list[str] = []
    after = BEFORE_FIRST
    while records := await log.read("inbound", after, 3):
        assert len(records) <= 3
        seen += values(records)
        after = records[-1].offset
    assert seen == [str(number) for number in range(10)]


async def test_topics_are_apart(log: EventLog) -> None:
    await log.append("inbound", [entry("in", about="same")])
    await log.append("outbound", [entry("out", about="same")])
    assert values(await read_all(log, "inbound")) == ["in"]
    assert values(await read_all(log, "outbound")) == ["out"]
    assert await read_all(log, "rejected") == []


async def test_a_large_backlog_is_read_in_bounded_parts(log: EventLog) -> None:
    large = Entry(key="author", value=bytes(VALUE_BYTES_MAX))
    total = READ_BYTES_MAX // VALUE_BYTES_MAX + 3
    await log.append("inbound", [large] * total)
    first = await read_all(log, "inbound")
    assert 0 < len(first) < total
    rest = await log.read("inbound", first[-1].offset, total)
    assert len(first) + len(rest) == total


async def test_an_idempotency_key_is_appended_once(open_log: OpenLog) -> None:
    log, other = await open_log(), await open_log()
    first = await log.append("inbound", [entry("a", about="1"), entry("b", about="1")])
    again = await other.append("inbound", [entry("c", about="1"), entry("d", about="2")])
    assert [offset is None for offset in first + again] == [False, True, True, False]
    assert values(await read_all(log, "inbound")) == ["a", "d"]


async def test_entries_without_an_idempotency_key_are_all_appended(log: EventLog) -> None:
    await log.append("inbound", [entry("same"), entry("same")])
    await log.append("inbound", [entry("same")])
    assert values(await read_all(log, "inbound")) == ["same"] * 3


async def test_concurrent_writers_agree_on_one_order(open_log: OpenLog) -> None:
    logs = [await open_log() for _ in range(4)]

    async def write(writer: int) -> list[int | None]:
        offsets: list[int | None] = []
        for number in range(50):
            offsets += await logs[writer].append("inbound", [entry(f"{writer} {number}")])
        return offsets

    offsets = await asyncio.gather(*(write(writer) for writer in range(len(logs))))
    records = await read_all(logs[0], "inbound")
    where = {record.value.decode(): record.offset for record in records}
    for writer, mine in enumerate(offsets):
        assert mine == [where[f"{writer} {number}"] for number in range(50)]
        assert mine == sorted(mine, key=lambda offset: offset or 0)
    assert len(where) == len(records) == 200


async def test_concurrent_writers_of_the_same_thing_append_it_once(open_log: OpenLog) -> None:
    logs = [await open_log() for _ in range(4)]
    things = [str(number) for number in range(40)]

    async def write(log: EventLog, seed: int) -> int:
        appended = 0
        for thing in random.Random(seed).sample(things, len(things)):
            (offset,) = await log.append("inbound", [entry(thing, about=thing)])
            appended += offset is not None
        return appended

    appended = await asyncio.gather(*(write(log, seed) for seed, log in enumerate(logs)))
    assert sum(appended) == len(things)
    assert sorted(values(await read_all(logs[0], "inbound"))) == sorted(things)


async def test_a_reader_that_polls_during_appends_misses_nothing(open_log: OpenLog) -> None:
    reader = await open_log()
    writers = [await open_log() for _ in range(4)]
    total = 400

    async def write(writer: EventLog) -> None:
        await asyncio.gather(
            *(writer.append("inbound", [entry("x")]) for _ in range(total // len(writers)))
        )

    async def read() -> list[int]:
        seen: list[int] = []
        while len(seen) < total:
            records = await reader.read("inbound", seen[-1] if seen else BEFORE_FIRST, 7)
            seen += [record.offset for record in records]
        return seen

    async with asyncio.timeout(60):
        seen, *_ = await asyncio.gather(read(), *(write(writer) for writer in writers))
    assert seen == [record.offset for record in await read_all(reader, "inbound")]


async def test_one_who_waits_is_woken_by_an_append_elsewhere(open_log: OpenLog) -> None:
    reader, writer = await open_log(), await open_log()
    for number in range(5):
        waiting = asyncio.create_task(reader.wait("inbound", number - 1, 60))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await writer.append("inbound", [entry(str(number))])
        await asyncio.wait_for(waiting, 30)


async def test_nobody_waits_for_what_is_there(log: EventLog) -> None:
    await log.append("inbound", [entry("one")])
    await asyncio.wait_for(log.wait("inbound", BEFORE_FIRST, 60), 30)


async def test_waiting_ends_with_its_time(log: EventLog) -> None:
    await log.append("other", [entry("one")])
    await asyncio.wait_for(log.wait("inbound", BEFORE_FIRST, 0.1), 30)
    assert await read_all(log, "inbound") == []


@pytest.mark.parametrize(
    ("topic", "wrong"),
    [
        ("In bound", entry("x")),
        ("inbound", Entry(key="a\0b", value=b"")),
        ("inbound", Entry(key="\ud800", value=b"")),
        ("inbound", Entry(key="k" * 1000, value=b"")),
        ("inbound", Entry(key="k", value=b"", idempotency_key="i" * 1000)),
        ("inbound", Entry(key="k", value=bytes(VALUE_BYTES_MAX + 1))),
    ],
)
async def test_what_cannot_be_kept_is_refused_whole(
    log: EventLog, topic: str, wrong: Entry
) -> None:
    with pytest.raises(ValueError, match=r"a (topic|key|value) "):
        await log.append(topic, [entry("fine"), wrong])
    assert await read_all(log, "inbound") == []


async def test_an_append_of_too_many_is_refused(log: EventLog) -> None:
    with pytest.raises(ValueError, match="entries are appended at once"):
        await log.append("inbound", [entry("x")] * (ENTRIES_MAX + 1))


async def test_appending_nothing_does_nothing(log: EventLog) -> None:
    assert await log.append("inbound", []) == []


async def test_closing_finishes_the_appends_under_way(open_log: OpenLog) -> None:
    log = await open_log()
    appends = [asyncio.create_task(log.append("inbound", [entry(str(i))])) for i in range(20)]
    await asyncio.sleep(0)
    await log.close()
    assert len(await asyncio.gather(*appends)) == 20
    assert len(await read_all(await open_log(), "inbound")) == 20


async def test_a_closed_log_is_not_opened_again(open_log: OpenLog) -> None:
    log = await open_log()
    waiting = asyncio.create_task(log.wait("inbound", BEFORE_FIRST, 60))
    await asyncio.sleep(0.05)
    await log.close()
    with pytest.raises(EventLogClosed):
        await asyncio.wait_for(waiting, 30)
    with pytest.raises(EventLogClosed):
        await log.append("inbound", [entry("late")])
    with pytest.raises(EventLogClosed):
        await log.read("inbound", BEFORE_FIRST, 1)
