"""Transfers in Postgres: in batches, beside one by one and beside the same rows without rules."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from timing import report

from newral_coordinator.embedded_postgres import EmbeddedPostgres
from newral_ledger import books
from newral_ledger.transfers import Transfer
from newral_spec import trail
from newral_spec.postgres import migrate

TRANSFERS = 1_000
BATCH = 100
ROUNDS = 3

_subjects = itertools.count()


def _transfers(count: int) -> Iterator[Transfer]:
    for number in itertools.islice(_subjects, count):
        subject = f"{number:064x}"
        yield Transfer(
            id=trail.transfer_id("grant", subject),
            debit=trail.ISSUANCE,
            credit=trail.requester_account(f"{number % 50:064x}"),
            amount=1,
            reason="grant",
        )


async def _posted(connection: AsyncConnection[Any], batch: int) -> None:
    for transfers in _batches(batch):
        async with connection.transaction():
            results = await books.post_many(connection, transfers)
        assert all(result.stands for result in results)


async def _inserted(connection: AsyncConnection[Any]) -> None:
    for transfers in _batches(BATCH):
        async with connection.transaction():
            await connection.execute(
                "INSERT INTO plain SELECT * FROM unnest(%s::bytea[], %s::text[], %s::text[],"
                " %s::bigint[])",
                (
                    [bytes.fromhex(t.id) for t in transfers],
                    [t.debit for t in transfers],
                    [t.credit for t in transfers],
                    [t.amount for t in transfers],
                ),
            )


def _batches(size: int) -> Iterator[list[Transfer]]:
    remaining = list(_transfers(TRANSFERS))
    for start in range(0, TRANSFERS, size):
        yield remaining[start : start + size]


async def _best_s(*ways: Callable[[], Awaitable[None]]) -> list[float]:
    best = [float("inf")] * len(ways)
    for _ in range(ROUNDS):
        for index, way in enumerate(ways):
            start = time.perf_counter()
            await way()
            best[index] = min(best[index], time.perf_counter() - start)
    return best


async def main() -> None:
    """Time all three against one server, fsync on."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            EmbeddedPostgres(Path(folder)) as postgres,
            await AsyncConnection.connect(postgres.dsn, autocommit=True) as connection,
        ):
            await migrate(connection, "newral_ledger")
            await connection.execute(
                "CREATE TABLE plain (id bytea PRIMARY KEY, debit text, credit text, amount bigint)"
            )
            batched_s, single_s, plain_s = await _best_s(
                lambda: _posted(connection, BATCH),
                lambda: _posted(connection, 1),
                lambda: _inserted(connection),
            )
    peers = {"one by one": single_s, "the same rows in a table without rules": plain_s}
    report(f"transfers in batches of {BATCH}", TRANSFERS, "transfers", batched_s, peers)


if __name__ == "__main__":
    asyncio.run(main())
