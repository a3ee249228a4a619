"""A connection to Postgres that outlives the server's restarts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus

from newral_relay_bridge.event_log import EventLogClosed, EventLogUnavailable

T = TypeVar("T")
Connection = AsyncConnection[tuple[Any, ...]]

CONNECT_S_MAX: Final = 10
ATTEMPT_S_MAX: Final = 20.0
"""For one transaction: a server that accepted a connection and then vanished says nothing."""

RETRY_S_MAX: Final = 60.0
"""A restart with recovery takes seconds; what lasts longer is for an operator to know."""

RETRY_DELAY_S_MIN: Final = 0.05
RETRY_DELAY_S_MAX: Final = 1.0

_log = logging.getLogger(__name__)


async def connect(dsn: str, *, autocommit: bool = False) -> Connection:
    """Connect within a bounded time. Raises `psycopg.OperationalError`."""
    return await AsyncConnection.connect(
        dsn, autocommit=autocommit, connect_timeout=CONNECT_S_MAX, application_name="newral"
    )


class PostgresLink:
    """Runs transactions one at a time, and again when the connection was lost meanwhile.

    It connects when first used.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """The result of `work` in a transaction that has committed.

        The transaction is repeated until a commit is confirmed, so that `work` may commit twice:
        it is idempotent. Raises `EventLogUnavailable` after `RETRY_S_MAX` seconds, and
        `EventLogClosed`.
        """
        async with self._turn:
            if self._closed:
                raise EventLogClosed("the connection has been closed")
            clock = asyncio.get_running_loop().time
            deadline, delay_s = clock() + RETRY_S_MAX, RETRY_DELAY_S_MIN
            while True:
                try:
                    async with asyncio.timeout(ATTEMPT_S_MAX):
                        return await self._attempt(work)
                except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
                    if clock() > deadline:
                        raise EventLogUnavailable(f"Postgres is unavailable: {error}") from error
                    _log.info("Postgres: %s; trying again in %s s", error, delay_s)
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, RETRY_DELAY_S_MAX)

    async def _attempt(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        if self._connection is None:
            self._connection = await connect(self._dsn, autocommit=True)
        try:
            async with self._connection.transaction():
                return await work(self._connection)
        finally:
            # Lost, or given up in the middle of something: not to be used again.
            if self._connection.info.transaction_status != TransactionStatus.IDLE:
                await self._disconnect()

    async def close(self) -> None:
        """Disconnect, after the transaction that is under way."""
        async with self._turn:
            self._closed = True
            await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
