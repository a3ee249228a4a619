"""The event log in Postgres: what its database adds, and what a crash of it must not take."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import socket
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import psycopg
import pytest

from newral_coordinator.embedded_postgres import EmbeddedPostgres
from newral_relay_bridge import postgres_log
from newral_relay_bridge.archive import IDS_MAX, Archive
from newral_relay_bridge.consumer_offsets import OffsetConflict, load_offset, store_offset
from newral_relay_bridge.event_log import BEFORE_FIRST, Entry
from newral_relay_bridge.postgres_log import PostgresLog
from newral_spec.event import Event, parse_event, sign_event
from newral_spec.keys import SecretKey
from newral_spec.postgres import migrate

SECRET = SecretKey(bytes.fromhex("07" * 32))
KILLS = 4


@cache  # a signature is made with a random nonce
def event(number: int) -> Event:
    return sign_event(SECRET, kind=5990, created_at=1_700_000_000, content=f"job {number}")


def cut_line(log: PostgresLog) -> None:
    """Cut the connection that appends, unseen by the client's library and by the server."""
    connection = log._writing._connection
    assert connection is not None
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


async def migrated(dsn: str) -> str:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await migrate(connection, "newral_relay_bridge")
    return dsn


@pytest.fixture
async def dsn(postgres_dsn: str) -> str:
    return await migrated(postgres_dsn)


@pytest.fixture
async def log(dsn: str) -> AsyncIterator[PostgresLog]:
    log = PostgresLog(dsn)
    yield log
    await log.close()


@pytest.fixture
async def archive(dsn: str) -> AsyncIterator[Archive]:
    archive = Archive(dsn)
    yield archive
    await archive.close()


async def test_an_event_is_archived_and_appended_once(log: PostgresLog, archive: Archive) -> None:
    assert await log.ingest("inbound", [event(1), event(2), event(1)]) == [0, 1, None]
    assert await log.ingest("inbound", [event(3), event(2)]) == [2, None]
    records = await log.read("inbound", BEFORE_FIRST, 10)
    assert [parse_event(record.value) for record in records] == [event(1), event(2), event(3)]
    assert {record.key for record in records} == {SECRET.public_key}
    kept = await archive.get([event(number).id for number in range(5)])
    assert {id_: parse_event(raw) for id_, raw in kept.items()} == {
        event(number).id: event(number) for number in (1, 2, 3)
    }


async def test_concurrent_bridges_ingest_an_event_once(log: PostgresLog, dsn: str) -> None:
    other = PostgresLog(dsn)
    events = [event(number) for number in range(40)]
    tasks = [
        bridge.ingest("inbound", random.Random(seed).sample(events, 25))
        for seed in range(8)
        for bridge in (log, other)
    ]
    offsets = [offset for result in await asyncio.gather(*tasks) for offset in result]
    await other.close()
    records = await log.read("inbound", BEFORE_FIRST, 1000)
    assert sorted(o for o in offsets if o is not None) == [record.offset for record in records]
    assert len({record.value for record in records}) == len(records)


async def test_an_event_that_was_archived_has_had_its_effect(
    log: PostgresLog, archive: Archive
) -> None:
    assert await archive.store([event(1), event(1), event(2)]) == [True, False, True]
    assert await archive.store([event(2), event(3)]) == [False, True]
    assert await log.ingest("inbound", [event(1), event(4)]) == [None, 0]


async def test_an_archive_answers_bounded_questions(archive: Archive) -> None:
    with pytest.raises(ValueError, match="at most"):
        await archive.get([event(1).id] * (IDS_MAX + 1))


async def test_a_consumer_goes_on_where_its_effects_ended(dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        assert await load_offset(connection, "coordinator", "inbound") == BEFORE_FIRST
        await store_offset(connection, "coordinator", "inbound", 6)
        await connection.commit()
        await store_offset(connection, "coordinator", "inbound", 9)
        await connection.rollback()
        assert await load_offset(connection, "coordinator", "inbound") == 6
        assert await load_offset(connection, "coordinator", "outbound") == BEFORE_FIRST
        assert await load_offset(connection, "another", "inbound") == BEFORE_FIRST


async def test_the_second_of_two_consumers_cannot_commit(dsn: str) -> None:
    async with (
        await psycopg.AsyncConnection.connect(dsn) as first,
        await psycopg.AsyncConnection.connect(dsn) as second,
    ):
        await store_offset(first, "coordinator", "inbound", 0)
        late = asyncio.create_task(store_offset(second, "coordinator", "inbound", 0))
        await asyncio.sleep(0.05)
        await first.commit()
        with pytest.raises(OffsetConflict, match="already dealt with offset 0 of inbound"):
            await late


async def test_an_append_is_heard_of_though_nobody_polls(
    log: PostgresLog, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_log, "POLL_S", 3600.0)
    for number in range(3):
        waiting = asyncio.create_task(log.wait("inbound", number - 1, 60))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await log.append("inbound", [Entry(key="k", value=b"x")])
        await asyncio.wait_for(waiting, 30)
        # Deaf from here on, until it notices.
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                """
            )


async def test_a_commit_left_in_doubt_is_found_by_the_next_attempt(
    log: PostgresLog, dsn: str
) -> None:
    """The connection is cut when the server has committed and the client does not know."""
    await log.append("inbound", [Entry(key="k", value=b"first")])
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as other:
        # The trigger runs within COMMIT: long enough to cut the line, and then it commits.
        await other.execute(
            """
            CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON bridge.records
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION linger()
            """
        )
        entry = Entry(key="k", value=b"second", idempotency_key="2")
        appending = asyncio.create_task(log.append("inbound", [entry]))
        await asyncio.sleep(0.1)
        cut_line(log)
        assert await asyncio.wait_for(appending, 30) == [1]
    records = await log.read("inbound", BEFORE_FIRST, 10)
    assert [record.value for record in records] == [b"first", b"second"]


class Stream:
    """Appends until it is stopped, and reads everything back meanwhile."""

    def __init__(self, log: PostgresLog) -> None:
        self.log = log
        self.stopped = False
        self.appended: list[bytes] = []
        self.seen: list[bytes] = []

    async def append(self, writer: int) -> None:
        for number in itertools.count():
            if self.stopped:
                return
            value = f"{writer} {number}".encode()
            # One writer in two has keys of its own, the other leaves it to the log.
            about = value.decode() if writer % 2 else None
            entry = Entry(key="k", value=value, idempotency_key=about)
            (offset,) = await self.log.append("inbound", [entry])
            self.record(offset, value)

    async def ingest(self) -> None:
        for number in itertools.count():
            if self.stopped:
                return
            (offset,) = await self.log.ingest("inbound", [event(number)])
            self.record(offset, event(number).to_json())

    def record(self, offset: int | None, value: bytes) -> None:
        assert offset is not None, f"{value!r} is called a duplicate of its own first attempt"
        self.appended.append(value)

    async def read(self) -> None:
        after = BEFORE_FIRST
        while not self.stopped:
            await self.log.wait("inbound", after, 0.5)
            for record in await self.log.read("inbound", after, 1000):
                self.seen.append(record.value)
                after = record.offset

    async def progress(self) -> None:
        goal = len(self.appended) + 50
        while len(self.appended) < goal:  # noqa: ASYNC110 - whoever appends does not know the goal
            await asyncio.sleep(0.01)


async def test_killing_the_server_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as postgres, asyncio.timeout(100):
        log = PostgresLog(await migrated(postgres.dsn))
        stream = Stream(log)
        tasks = [asyncio.create_task(stream.append(writer)) for writer in range(4)]
        tasks += [asyncio.create_task(stream.ingest()), asyncio.create_task(stream.read())]
        for _ in range(KILLS):
            await stream.progress()
            os.kill(postgres.pid, signal.SIGKILL)
        await stream.progress()
        stream.stopped = True
        await asyncio.gather(*tasks)
        stored = [record.value for record in await log.read("inbound", BEFORE_FIRST, 100_000)]
        await log.close()
    assert stream.seen == stored[: len(stream.seen)]
    assert len(stream.seen) > KILLS
    assert sorted(stored) == sorted(stream.appended)
