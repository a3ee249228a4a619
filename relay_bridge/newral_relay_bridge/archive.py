"""The archive of raw events: what is acted upon is kept, whatever relays do with it later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from newral_relay_bridge.postgres_link import Connection, PostgresLink
from newral_spec.event import Event
from newral_spec.postgres import load_queries

IDS_MAX: Final = 1000
"""Events of one `get`: at most 128 MiB."""

_QUERIES: Final = load_queries(__package__, "archive.sql")


class Archive:
    """Events that were verified, as JSON, by id. Methods may raise `EventLogUnavailable`."""

    def __init__(self, dsn: str) -> None:
        self._link = PostgresLink(dsn)

    async def store(self, events: Sequence[Event]) -> list[bool]:
        """Keep these; whether each was new.

        After a connection lost in the middle, one that was new may be called old. The caller has
        verified the events.
        """
        new = await self._link.run(lambda connection: store_events(connection, events))
        fresh = set(new)
        return [_take(fresh, event.id) for event in events]

    async def get(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The JSON of those events that are kept, by id: 64 lower-case hexadecimal digits each.

        Raises `ValueError` for more than `IDS_MAX` ids, or one that is not hexadecimal.
        """
        if len(ids) > IDS_MAX:
            raise ValueError(f"at most {IDS_MAX} events are fetched at once, not {len(ids)}")
        event_ids = [bytes.fromhex(id_) for id_ in ids]

        async def fetch(connection: Connection) -> dict[str, bytes]:
            cursor = await connection.execute(_QUERIES["get"], {"event_ids": event_ids})
            return {event_id.hex(): raw for event_id, raw in await cursor.fetchall()}

        return await self._link.run(fetch)

    async def close(self) -> None:
        """Disconnect."""
        await self._link.close()


async def store_events(connection: Connection, events: Sequence[Event]) -> list[str]:
    """Keep these in the caller's transaction; the ids of those that were not kept before."""
    cursor = await connection.execute(
        _QUERIES["store"],
        {
            "event_ids": [bytes.fromhex(event.id) for event in events],
            "kinds": [event.kind for event in events],
            "pubkeys": [bytes.fromhex(event.pubkey) for event in events],
            "created_ats": [event.created_at for event in events],
            "raws": [event.to_json() for event in events],
        },
    )
    return [event_id.hex() for (event_id,) in await cursor.fetchall()]


def _take(ids: set[str], id_: str) -> bool:
    """Whether the id is in the set, the first time."""
    if id_ not in ids:
        return False
    ids.remove(id_)
    return True
