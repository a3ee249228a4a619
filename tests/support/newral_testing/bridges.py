"""A bridge for tests, in this process or in one that can be killed.

As a program: `python -m newral_testing.bridges DSN RELAY…` runs a bridge until its input ends.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg

from newral_relay_bridge.bridge import Bridge, BridgeConfig
from newral_relay_bridge.event_log import BEFORE_FIRST, Entry
from newral_relay_bridge.inbound import Refusal
from newral_relay_bridge.policies import RATES, Rates
from newral_relay_bridge.postgres_log import PostgresLog
from newral_spec.event import Event, parse_event, sign_event
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.postgres import migrate

COORDINATOR = SecretKey(bytes.fromhex("c0" * 32))
REQUESTER = SecretKey(bytes.fromhex("11" * 32))


async def migrated(dsn: str) -> str:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await migrate(connection, "newral_relay_bridge")
    return dsn


class Desk:
    """The coordinator's end of the event log, while a bridge runs at the other."""

    def __init__(self, log: PostgresLog, bridge: Bridge) -> None:
        self._log = log
        self._bridge = bridge

    @property
    def status(self) -> dict[str, Any]:
        return self._bridge.status()

    def relay_status(self, url: str) -> dict[str, Any]:
        return dict(self.status["relays"].get(url, {}))

    @property
    def is_complete(self) -> bool:
        """Whether everything that was stored on every relay is committed."""
        relays = self.status["relays"].values()
        return bool(relays) and all(relay["complete"] for relay in relays)

    async def admitted(self) -> list[Event]:
        records = await self._log.read("inbound", BEFORE_FIRST, 10_000)
        return [parse_event(record.value) for record in records]

    async def refusals(self) -> list[Refusal]:
        records = await self._log.read("rejected", BEFORE_FIRST, 10_000)
        return [msgspec.json.decode(record.value, type=Refusal) for record in records]

    async def publish(self, *events: Event, relays: tuple[str, ...] = ()) -> None:
        await append_outgoing(self._log, *events, relays=relays)


async def append_outgoing(log: PostgresLog, *events: Event, relays: tuple[str, ...] = ()) -> None:
    entries = [
        Entry(
            key=event.pubkey,
            value=msgspec.json.encode({"event": msgspec.Raw(event.to_json()), "relays": relays}),
            idempotency_key=event.id,
        )
        for event in events
    ]
    await log.append("outbound", entries)


@asynccontextmanager
async def running_bridge(
    dsn: str,
    *relays: str,
    work_bits: int = 0,
    rates: Rates = RATES,
    allow_private_relays: bool = True,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Desk]:
    log = PostgresLog(dsn)
    config = BridgeConfig(
        relays=relays,
        secret=COORDINATOR,
        work_bits=work_bits,
        rates=rates,
        allow_private_relays=allow_private_relays,
    )
    bridge = Bridge(config, log, dsn, clock=clock)
    stop = asyncio.Event()
    running = asyncio.create_task(bridge.run(stop))
    try:
        yield Desk(log, bridge)
    finally:
        stop.set()
        await running
        await log.close()


def job(
    content: str = "carmichael 10^9",
    *,
    secret: SecretKey = REQUESTER,
    kind: int = Kind.JOB_REQUEST,
    age_s: float = 0,
    tags: tuple[tuple[str, ...], ...] = (("p", COORDINATOR.public_key),),
) -> Event:
    """An event for the coordinator; by default an admissible job."""
    return sign_event(
        secret, kind=kind, created_at=int(time.time() - age_s), content=content, tags=tags
    )


def answer(number: int, kind: int = Kind.FEEDBACK, age_s: float = 0) -> Event:
    """An event of the coordinator's."""
    return sign_event(
        COORDINATOR, kind=kind, created_at=int(time.time() - age_s), content=f"answer {number}"
    )


async def _serve(dsn: str, *relays: str) -> None:
    async with running_bridge(dsn, *relays):
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
