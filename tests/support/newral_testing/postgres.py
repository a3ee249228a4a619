"""A Postgres server for tests, and fresh databases in it."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from newral_coordinator.embedded_postgres import EmbeddedPostgres

BINARIES_VARIABLE: Final = "NEWRAL_TEST_POSTGRES_BINARIES"
"""Names the `bin` folder of another installation, to run every test on another version."""

_numbers: Final = itertools.count(1)


@contextmanager
def running_postgres(directory: Path) -> Iterator[str]:
    """The dsn of a server that runs meanwhile, in a thread with an event loop of its own."""
    ready: Future[str] = Future()
    done = threading.Event()

    async def serve() -> None:
        binaries = os.environ.get(BINARIES_VARIABLE)
        postgres = EmbeddedPostgres(directory, binaries=Path(binaries) if binaries else None)
        try:
            ready.set_result(await postgres.start())
        except BaseException as error:
            ready.set_exception(error)
            raise
        await asyncio.to_thread(done.wait)
        await postgres.stop()

    thread = threading.Thread(target=asyncio.run, args=[serve()], name="postgres-for-tests")
    thread.start()
    try:
        yield ready.result()
    finally:
        done.set()
        thread.join()


@contextmanager
def fresh_database(server_dsn: str) -> Iterator[str]:
    """The dsn of an empty database, dropped afterwards whoever is still connected to it."""
    name = f"test_{next(_numbers)}"
    identifier = sql.Identifier(name)
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
        try:
            yield make_conninfo(server_dsn, dbname=name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))
