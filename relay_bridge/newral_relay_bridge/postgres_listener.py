"""Hearing of appends: LISTEN on a connection of its own."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

import psycopg

from newral_relay_bridge.event_log import EventLogClosed
from newral_relay_bridge.postgres_link import connect
from newral_spec.postgres import load_queries

RECONNECT_S: Final = 0.5

_QUERIES: Final = load_queries(__package__, "event_log.sql")

_log = logging.getLogger(__name__)


class PostgresListener:
    """Tells of appends to topics, as long as the server is there. It connects when first used."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._arrivals: dict[str, asyncio.Event] = {}
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def next_arrival(self, topic: str) -> asyncio.Event:
        """Set by the first append to the topic that is heard of from now on.

        Raises `EventLogClosed`.
        """
        if self._closed:
            raise EventLogClosed("nobody listens any more")
        if self._task is None:
            self._task = asyncio.create_task(self._listen(), name="event-log-listener")
        return self._arrivals.setdefault(topic, asyncio.Event())

    async def close(self) -> None:
        """Stop listening, and wake everybody."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        self._wake_all()

    async def _listen(self) -> None:
        while True:
            with suppress(psycopg.OperationalError):
                await self._listen_once()
            _log.info("lost the connection that hears of appends")
            await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self) -> None:
        async with await connect(self._dsn, autocommit=True) as connection:
            await connection.execute(_QUERIES["listen"])
            # Nobody told us what happened before.
            self._wake_all()
            async for notification in connection.notifies():
                self._wake(notification.payload)

    def _wake(self, topic: str) -> None:
        # Whoever waits next gets an event that is not set.
        if arrival := self._arrivals.pop(topic, None):
            arrival.set()

    def _wake_all(self) -> None:
        for topic in list(self._arrivals):
            self._wake(topic)
