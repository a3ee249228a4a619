"""How far a consumer of the event log has come, kept in the transaction that holds its effects."""

from __future__ import annotations

from typing import Any, Final

from psycopg import AsyncConnection

from newral_relay_bridge.event_log import BEFORE_FIRST
from newral_spec.postgres import load_queries

_QUERIES: Final = load_queries(__package__, "event_log.sql")


class OffsetConflict(RuntimeError):
    """Another process has consumed these records: this transaction must not commit."""


async def load_offset(connection: AsyncConnection[Any], consumer: str, topic: str) -> int:
    """The offset of the last record that the consumer dealt with; `BEFORE_FIRST` at first."""
    cursor = await connection.execute(
        _QUERIES["load_offset"], {"consumer": consumer, "topic": topic}
    )
    row = await cursor.fetchone()
    return BEFORE_FIRST if row is None else int(row[0])


async def store_offset(
    connection: AsyncConnection[Any], consumer: str, topic: str, offset: int
) -> None:
    """Record, in the caller's transaction, that everything up to `offset` has been dealt with.

    Raises `OffsetConflict` unless that is an advance: of two processes that consume the same
    records, the second one's effects are rolled back.
    """
    cursor = await connection.execute(
        _QUERIES["store_offset"], {"consumer": consumer, "topic": topic, "last_offset": offset}
    )
    if await cursor.fetchone() is None:
        raise OffsetConflict(f"{consumer} has already dealt with offset {offset} of {topic}")
