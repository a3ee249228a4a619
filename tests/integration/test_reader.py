"""Reading beside the coordinator's loop, from a Postgres that is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest
from newral_testing.scripted_relay import eventually

from newral_coordinator.embedded_postgres import EmbeddedPostgres
from newral_coordinator.http.sources import SourceUnavailable
from newral_coordinator.reader import Reader


async def is_up(dsn: str) -> bool:
    try:
        async with await psycopg.AsyncConnection.connect(dsn):
            return True
    except psycopg.OperationalError:
        return False


async def ask(reader: Reader) -> None:
    async with reader.snapshot() as store:
        await store.connection.execute("SELECT 1")


async def test_what_is_asked_after_a_crash_of_postgres_is_answered(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as postgres:
        reader = Reader(postgres.dsn)
        await ask(reader)
        killed = postgres.pid
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: postgres.pid != killed)
        await eventually(lambda: is_up(postgres.dsn))
        await ask(reader)
        await reader.close()


async def test_a_postgres_that_is_away_is_no_fault_of_the_question(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as postgres:
        reader = Reader(postgres.dsn)
        await ask(reader)
    with pytest.raises(SourceUnavailable):
        await ask(reader)
    await reader.close()
