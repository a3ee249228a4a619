"""The event log in Postgres: a table, an advisory lock for each topic, and LISTEN/NOTIFY."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from newral_relay_bridge.archive import store_events
from newral_relay_bridge.event_log import (
    READ_BYTES_MAX,
    Entry,
    Record,
    check_entries,
    check_topic,
)
from newral_relay_bridge.postgres_link import Connection, PostgresLink
from newral_relay_bridge.postgres_listener import PostgresListener
from newral_spec.event import Event
from newral_spec.postgres import load_queries

BATCH_ENTRIES_MAX: Final = 1000
"""Entries that share a commit: beyond this its cost no longer shows."""

POLL_S: Final = 1.0
"""How long a missed notification can delay a reader."""

_QUERIES: Final = load_queries(__package__, "event_log.sql")


@dataclass(frozen=True, slots=True, eq=False)
class _Append:
    """One call's entries, on their way to a commit."""

    topic: str
    entries: Sequence[Entry]
    entry_ids: list[UUID]
    done: asyncio.Future[list[int | None]]
    events: Sequence[Event] = ()
    """What the entries are about, one each, where these are to be archived first."""


class PostgresLog:
    """`EventLog` in a database that has this package's migrations.

    Calls that append at the same time share a transaction. An append is repeated until its commit
    is confirmed, and neither lost nor doubled when the server dies meanwhile. Uses up to three
    connections, each made when it is first needed: for appending, reading and listening.
    """

    def __init__(self, dsn: str) -> None:
        self._writing = PostgresLink(dsn)
        self._reading = PostgresLink(dsn)
        self._listener = PostgresListener(dsn)
        self._waiting: deque[_Append] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def append(self, topic: str, entries: Sequence[Entry]) -> list[int | None]:
        """See `EventLog.append`. All of the entries are appended, or none is."""
        return await self._submit(topic, entries)

    async def ingest(self, topic: str, events: Sequence[Event]) -> list[int | None]:
        """Archive verified events and append those that the archive did not have, atomically.

        None stands for an event that was archived before. Its author is the key of a record, and
        its JSON the value. Over a log that is not in the archive's database this is: archive all,
        then append all with their ids as idempotency keys.
        """
        entries = [
            Entry(key=event.pubkey, value=event.to_json(), idempotency_key=event.id)
            for event in events
        ]
        return await self._submit(topic, entries, events)

    async def read(self, topic: str, after: int, limit: int) -> list[Record]:
        """See `EventLog.read`."""
        check_topic(topic)
        bounds = {"after": after, "limit": limit, "bytes_max": READ_BYTES_MAX}

        async def fetch(connection: Connection) -> list[Record]:
            cursor = connection.cursor(binary=True)
            await cursor.execute(_QUERIES["read"], {"topic": topic, **bounds})
            return [
                Record(topic=topic, offset=offset, key=key, value=value, appended_at=appended_at)
                for topic, offset, key, value, appended_at in await cursor.fetchall()
            ]

        return await self._reading.run(fetch)

    async def wait(self, topic: str, after: int, timeout_s: float) -> None:
        """See `EventLog.wait`."""
        check_topic(topic)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while True:
                    # Taken before looking, so that nothing comes between.
                    arrival = self._listener.next_arrival(topic)
                    if await self._has_newer(topic, after):
                        return
                    # Not `wait_for`: before Python 3.12 an arrival makes it swallow a cancellation.
                    with suppress(TimeoutError):
                        async with asyncio.timeout(POLL_S):
                            await arrival.wait()

    async def close(self) -> None:
        """See `EventLog.close`."""
        if self._writer is not None:
            await asyncio.wait([self._writer])
        await self._listener.close()
        await self._reading.close()
        await self._writing.close()

    async def _has_newer(self, topic: str, after: int) -> bool:
        async def look(connection: Connection) -> bool:
            cursor = await connection.execute(
                _QUERIES["has_newer"], {"topic": topic, "after": after}
            )
            row = await cursor.fetchone()
            return row is not None and bool(row[0])

        return await self._reading.run(look)

    async def _submit(
        self, topic: str, entries: Sequence[Entry], events: Sequence[Event] = ()
    ) -> list[int | None]:
        check_topic(topic)
        check_entries(entries)
        if not entries:
            return []
        done: asyncio.Future[list[int | None]] = asyncio.get_running_loop().create_future()
        ids = [uuid4() for _ in entries]
        self._waiting.append(_Append(topic, tuple(entries), ids, done, tuple(events)))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="event-log-writer")
        return await done

    async def _write(self) -> None:
        """Write what waits, and what comes to wait meanwhile."""
        while self._waiting:
            batch = self._next_batch()
            try:
                offsets = await self._writing.run(partial(_write_batch, batch))
            except Exception as error:
                _fail(batch, error)
                continue
            for append in batch:
                if not append.done.done():
                    append.done.set_result([offsets.get(id_) for id_ in append.entry_ids])
        self._writer = None

    def _next_batch(self) -> list[_Append]:
        batch = [self._waiting.popleft()]
        size = len(batch[0].entries)
        while self._waiting and size + len(self._waiting[0].entries) <= BATCH_ENTRIES_MAX:
            batch.append(self._waiting.popleft())
            size += len(batch[-1].entries)
        return batch


def _fail(batch: Sequence[_Append], error: Exception) -> None:
    for append in batch:
        if not append.done.done():
            append.done.set_exception(error)


async def _write_batch(batch: Sequence[_Append], connection: Connection) -> dict[UUID, int]:
    """The offsets of the entries that were appended, by entry id."""
    offsets: dict[UUID, int] = {}
    # In one order of topics everywhere, so that writers cannot lock each other out.
    for topic in sorted({append.topic for append in batch}):
        mine = [append for append in batch if append.topic == topic]
        await connection.execute(_QUERIES["lock_topic"], {"topic": topic})
        offsets |= await _append_to_topic(connection, topic, mine)
        await connection.execute(_QUERIES["announce"], {"topic": topic})
    return offsets


async def _append_to_topic(
    connection: Connection, topic: str, appends: Sequence[_Append]
) -> dict[UUID, int]:
    events = [event for append in appends for event in append.events]
    archived = set(await store_events(connection, events)) if events else set[str]()
    entries = [entry for append in appends for entry in append.entries]
    entry_ids = [entry_id for append in appends for entry_id in append.entry_ids]
    cursor = await connection.execute(
        _QUERIES["append"],
        {
            "topic": topic,
            "keys": [entry.key for entry in entries],
            "values": [entry.value for entry in entries],
            "idempotency_keys": [
                entry_id.hex if entry.idempotency_key is None else entry.idempotency_key
                for entry, entry_id in zip(entries, entry_ids, strict=True)
            ],
            "entry_ids": entry_ids,
            "admitted": [
                not append.events or entry.idempotency_key in archived
                for append in appends
                for entry in append.entries
            ],
        },
    )
    return dict(await cursor.fetchall())
