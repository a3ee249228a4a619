"""What the bridge keeps for a while only: heartbeats, which no audit asks for, would fill disks.

Archived events of ephemeral kinds are deleted, and records of the event log that every consumer has
dealt with. What is archived of other kinds stays for ever.
"""

from __future__ import annotations

import asyncio
from typing import Final

from newral_relay_bridge.postgres_link import Connection, PostgresLink
from newral_relay_bridge.relay_store import until_available
from newral_spec import limits
from newral_spec.postgres import load_queries

AGE_S: Final = 3600.0
"""An ephemeral event is inadmissible after at most twice the clock skew, so that one which is
forgotten cannot come again; and a consumer's repeated append comes within minutes."""

EVERY_S: Final = 60.0

ROWS_PER_STEP: Final = 5000
"""Deleted in one transaction."""

assert AGE_S > 2 * limits.CLOCK_SKEW_S

_QUERIES: Final = load_queries(__package__, "retention.sql")


class Retention:
    """Deletes, from time to time, what is old enough."""

    def __init__(self, dsn: str, *, age_s: float = AGE_S) -> None:
        self._link = PostgresLink(dsn)
        self._age_s = age_s

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self.forget()
            await asyncio.sleep(EVERY_S)

    async def forget(self) -> None:
        """Delete all that is old enough now. Waits for Postgres."""
        for query in ("forget_ephemeral", "forget_records"):
            while await self._step(query) >= ROWS_PER_STEP:
                continue

    async def _step(self, query: str) -> int:
        async def work(connection: Connection) -> int:
            cursor = await connection.execute(
                _QUERIES[query], {"age_s": self._age_s, "limit": ROWS_PER_STEP}
            )
            return cursor.rowcount

        return await until_available(lambda: self._link.run(work))

    async def close(self) -> None:
        """Disconnect."""
        await self._link.close()
