"""What the bridge remembers about relays, in Postgres: cursors and unfinished publications."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from newral_relay_bridge.consumer_offsets import load_offset, store_offset
from newral_relay_bridge.event_log import EventLogUnavailable
from newral_relay_bridge.postgres_link import Connection, PostgresLink
from newral_spec.postgres import load_queries

CONSUMER: Final = "relay-bridge"
"""Under which name the bridge consumes the topic of outgoing events."""

ERROR_CHARS_MAX: Final = 300
"""A relay's words in a row."""

PAUSE_S: Final = 1.0
"""Between attempts of an implementation that gives up at once."""

T = TypeVar("T")

_QUERIES: Final = load_queries(__package__, "relays.sql")

_log = logging.getLogger(__name__)


class State(Enum):
    """Of a publication that the relay has not acknowledged."""

    PENDING = "pending"
    REFUSED = "refused"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A publication that the relay did not acknowledge at the first attempt."""

    event_id: str
    relay: str
    raw: bytes
    record_offset: int
    state: State
    attempts: int
    last_error: str
    due_at: float
    give_up_at: float | None
    """`None`: no relay has the event, so it is tried for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A parked publication whose time has come."""

    event_id: str
    raw: bytes
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How a later attempt failed."""

    event_id: str
    state: State
    last_error: str
    due_at: float


async def until_available(work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work`, which is idempotent, however long Postgres is away."""
    while True:
        try:
            return await work()
        except EventLogUnavailable as error:
            _log.warning("%s; the bridge waits", error)
        await asyncio.sleep(PAUSE_S)


class RelayStore:
    """Every method waits for Postgres, and may be repeated. Times are Unix seconds."""

    def __init__(self, dsn: str, topic: str) -> None:
        """`topic` is that of outgoing events."""
        self._link = PostgresLink(dsn)
        self._topic = topic

    async def close(self) -> None:
        """Disconnect."""
        await self._link.close()

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        return await until_available(lambda: self._link.run(work))

    # Cursors

    async def load_cursors(self) -> dict[str, float]:
        """Until when everything of each relay is committed."""

        async def work(connection: Connection) -> dict[str, float]:
            cursor = await connection.execute(_QUERIES["load_cursors"])
            return {relay: float(until) for relay, until in await cursor.fetchall()}

        return await self._run(work)

    async def advance_cursors(self, cursors: dict[str, float]) -> None:
        """Everything that these relays had until then is committed."""

        async def work(connection: Connection) -> None:
            for relay, until in sorted(cursors.items()):
                await connection.execute(
                    _QUERIES["advance_cursor"], {"relay": relay, "complete_until": until}
                )

        await self._run(work)

    # The consumer of outgoing events

    async def load_offset(self) -> int:
        """The last record up to which every event was delivered, or parked."""
        return await self._run(lambda connection: load_offset(connection, CONSUMER, self._topic))

    async def park(self, parked: Sequence[Parked], offset: int, now: float) -> None:
        """Keep these publications, and record that all up to `offset` are delivered or kept."""

        async def work(connection: Connection) -> None:
            if parked:
                rows = [_row(publication, now) for publication in parked]
                await connection.cursor().executemany(_QUERIES["park"], rows)
            # A repeated attempt finds its own offset.
            if await load_offset(connection, CONSUMER, self._topic) < offset:
                await store_offset(connection, CONSUMER, self._topic, offset)

        await self._run(work)

    # Later attempts

    async def due(self, relay: str, now: float, limit: int) -> list[Due]:
        """What to try now, in the order in which it was to be published."""

        async def work(connection: Connection) -> list[Due]:
            cursor = await connection.execute(
                _QUERIES["due"], {"relay": relay, "now": now, "limit": limit}
            )
            return [
                Due(event_id=event_id.hex(), raw=raw, attempts=attempts)
                for event_id, raw, attempts in await cursor.fetchall()
            ]

        return await self._run(work)

    async def next_due(self, relay: str, now: float) -> float | None:
        """When to try again; `None` when there is nothing to try."""

        async def work(connection: Connection) -> float | None:
            cursor = await connection.execute(_QUERIES["next_due"], {"relay": relay, "now": now})
            row = await cursor.fetchone()
            return None if row is None or row[0] is None else float(row[0])

        return await self._run(work)

    async def due_relays(self, known: Collection[str], now: float, limit: int) -> list[str]:
        """Relays, other than those known, that have something due."""

        async def work(connection: Connection) -> list[str]:
            cursor = await connection.execute(
                _QUERIES["due_relays"], {"known": list(known), "now": now, "limit": limit}
            )
            return [relay for (relay,) in await cursor.fetchall()]

        return await self._run(work)

    async def record(
        self,
        relay: str,
        delivered: Sequence[str],
        failed: Sequence[Attempt],
        *,
        now: float,
        give_up_others_at: float,
    ) -> None:
        """What became of later attempts on one relay."""
        event_ids = [bytes.fromhex(event_id) for event_id in delivered]

        async def work(connection: Connection) -> None:
            await connection.execute(
                _QUERIES["delivered"], {"relay": relay, "event_ids": event_ids}
            )
            await connection.execute(
                _QUERIES["limit_others"],
                {"event_ids": event_ids, "give_up_at": give_up_others_at},
            )
            for attempt in failed:
                await connection.execute(
                    _QUERIES["postpone"],
                    {
                        "relay": relay,
                        "event_id": bytes.fromhex(attempt.event_id),
                        "state": attempt.state.value,
                        "last_error": _text(attempt.last_error),
                        "due_at": attempt.due_at,
                        "now": now,
                    },
                )

        await self._run(work)

    async def postpone_relay(self, relay: str, due_at: float, error: str, now: float) -> None:
        """The relay could not be reached: try nothing of it before `due_at`."""

        async def work(connection: Connection) -> None:
            await connection.execute(
                _QUERIES["postpone_relay"],
                {"relay": relay, "due_at": due_at, "last_error": _text(error), "now": now},
            )

        await self._run(work)

    async def tidy(self, now: float, forget_before: float) -> int:
        """Abandon what was tried for long enough, and return how many; forget what ended before."""

        async def work(connection: Connection) -> int:
            cursor = await connection.execute(_QUERIES["abandon"], {"now": now})
            await connection.execute(_QUERIES["forget"], {"before": forget_before})
            return cursor.rowcount

        return await self._run(work)


def _row(parked: Parked, now: float) -> dict[str, object]:
    return {
        "event_id": bytes.fromhex(parked.event_id),
        "relay": parked.relay,
        "raw": parked.raw,
        "record_offset": parked.record_offset,
        "state": parked.state.value,
        "attempts": parked.attempts,
        "last_error": _text(parked.last_error),
        "due_at": parked.due_at,
        "give_up_at": parked.give_up_at,
        "now": now,
    }


def _text(words: str) -> str:
    # A relay may say anything, and Postgres keeps neither NUL nor lone surrogates.
    return "".join(letter for letter in words[:ERROR_CHARS_MAX] if letter.isprintable())
