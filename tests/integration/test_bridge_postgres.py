"""Postgres is killed under a working bridge, and nothing is lost in either direction."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psycopg
from newral_testing.bridges import (
    COORDINATOR,
    REQUESTER,
    Desk,
    answer,
    job,
    migrated,
    running_bridge,
)
from newral_testing.raw_client import RawClient
from newral_testing.relays import embedded_relay
from newral_testing.scripted_relay import eventually, scripted_relay

from newral_coordinator.embedded_postgres import EmbeddedPostgres
from newral_spec.event import Event, sign_event
from newral_spec.kinds import Kind

EVENTS = 300
KILLS = 3


def sealed_results() -> list[Event]:
    now = job().created_at
    return [
        sign_event(
            REQUESTER,
            kind=Kind.SEALED_RESULT,
            created_at=now,
            content=f"result {number}",
            tags=(("p", COORDINATOR.public_key),),
        )
        for number in range(EVENTS)
    ]


async def kill_repeatedly(postgres: EmbeddedPostgres) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(0.4)
        pid = postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda killed=pid: is_up_again(postgres, killed))


async def is_up_again(postgres: EmbeddedPostgres, killed: int) -> bool:
    try:
        async with await psycopg.AsyncConnection.connect(str(postgres.dsn)):
            return postgres.pid not in (None, killed)
    except psycopg.OperationalError:
        return False


async def deliver(url: str, events: list[Event]) -> None:
    async with RawClient(url) as client:
        for event in events:
            await client.publish(event)
            await asyncio.sleep(0.005)


async def speak(desk: Desk, events: list[Event]) -> None:
    for event in events:
        await desk.publish(event)


async def test_killing_postgres_loses_nothing(tmp_path: Path) -> None:
    results = sealed_results()
    answers = [answer(number) for number in range(EVENTS)]
    async with EmbeddedPostgres(tmp_path / "data") as postgres, scripted_relay() as readers:
        assert postgres.dsn is not None
        dsn = await migrated(postgres.dsn)
        with embedded_relay(tmp_path / "relay") as relay:
            async with running_bridge(dsn, relay.url, readers.url) as desk:
                await eventually(lambda: desk.is_complete)
                await asyncio.gather(
                    kill_repeatedly(postgres),
                    deliver(relay.url, results),
                    speak(desk, answers),
                )
                await eventually(lambda: desk.status["admitted"] == EVENTS)
                admitted = [event.id for event in await desk.admitted()]
                assert sorted(admitted) == sorted(event.id for event in results)
                published = {event.id for event in answers}
                await eventually(lambda: published <= {event.id for event in readers.published})
