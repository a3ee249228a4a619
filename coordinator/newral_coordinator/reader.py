"""Reading the coordinator's state beside its own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection

from newral_coordinator.http.sources import SourceUnavailable
from newral_coordinator.store import Store

CONNECT_S_MAX: Final = 10


class Reader:
    """One connection for reading, made again when it is lost; callers take turns."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: AsyncConnection[Any] | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Store]:
        """A transaction in which everything read is of one moment. Raises `SourceUnavailable`."""
        async with self._turn:
            try:
                async with AsyncExitStack() as stack:
                    yield Store(await self._begin(stack))
            except psycopg.OperationalError as error:
                raise SourceUnavailable(str(error)) from error

    async def _begin(self, stack: AsyncExitStack) -> AsyncConnection[Any]:
        """Begin a transaction that lasts as long as `stack`."""
        if self._connection is not None:
            try:
                await stack.enter_async_context(self._connection.transaction())
            except psycopg.OperationalError:
                # It was lost since it was last used, which shows only now.
                await self.close()
            else:
                return self._connection
        self._connection = await self._connect()
        await stack.enter_async_context(self._connection.transaction())
        return self._connection

    async def _connect(self) -> AsyncConnection[Any]:
        connection = await AsyncConnection.connect(
            self._dsn, autocommit=True, connect_timeout=CONNECT_S_MAX
        )
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        return connection

    async def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
