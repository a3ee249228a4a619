"""The Merkle log in Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from newral_ledger import log
from newral_ledger.merkle import (
    EMPTY_ROOT,
    leaf_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from newral_ledger.tiles import BundleAddress, decode_bundle
from newral_spec import trail
from newral_spec.postgres import migrate


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await AsyncConnection.connect(postgres_dsn, autocommit=True) as connection:
        await migrate(connection, "newral_ledger")
        yield connection


def ended(number: int) -> trail.Entry:
    return trail.JobEnded(at=number, job=f"{number:064x}", state="completed")


def raws(start: int, stop: int) -> list[bytes]:
    return [trail.encode_entry(ended(number)) for number in range(start, stop)]


async def append(connection: AsyncConnection[Any], start: int, stop: int) -> int:
    async with connection.transaction():
        return await log.append(connection, [ended(number) for number in range(start, stop)])


async def test_a_log_grows_from_the_empty_one(connection: AsyncConnection[Any]) -> None:
    assert await log.head(connection) == (0, EMPTY_ROOT)
    assert await append(connection, 0, 3) == 0
    assert await append(connection, 3, 3) == 3
    assert await append(connection, 3, 10) == 3
    root = tree_root(map(leaf_hash, raws(0, 10)))
    assert await log.head(connection) == (10, root)
    assert await log.entries(connection, 2, 4) == raws(2, 6)
    assert await log.entries(connection, 8, 100) == raws(8, 10)


async def test_every_entry_and_every_size_is_proved(connection: AsyncConnection[Any]) -> None:
    size = 21
    for number in range(size):
        await append(connection, number, number + 1)
    leaves = list(map(leaf_hash, raws(0, size)))
    roots = [tree_root(leaves[:count]) for count in range(size + 1)]
    for old in range(1, size + 1):
        proof = await log.consistency_proof(connection, old, size)
        assert verify_consistency(old, size, roots[old], roots[size], proof)
        proof = await log.inclusion_proof(connection, old - 1, size)
        assert verify_inclusion(leaves[old - 1], old - 1, size, proof, roots[size])
    proof = await log.inclusion_proof(connection, 4, 11)
    assert verify_inclusion(leaves[4], 4, 11, proof, roots[11])
    with pytest.raises(ValueError, match="has 21 entries, not 22"):
        await log.inclusion_proof(connection, 4, 22)


async def test_bundles_are_served_once_they_are_full(connection: AsyncConnection[Any]) -> None:
    await append(connection, 0, 300)
    full = await log.bundle(connection, BundleAddress(0))
    assert full is not None
    assert decode_bundle(full, 256) == raws(0, 256)
    part = await log.bundle(connection, BundleAddress(1, 44))
    assert part is not None
    assert decode_bundle(part, 44) == raws(256, 300)
    assert await log.bundle(connection, BundleAddress(1, 45)) is None
    assert await log.bundle(connection, BundleAddress(1)) is None
    assert await log.bundle(connection, BundleAddress(2)) is None


async def test_concurrent_appends_are_contiguous(
    connection: AsyncConnection[Any], postgres_dsn: str
) -> None:
    async def append_some(start: int) -> int:
        async with await AsyncConnection.connect(postgres_dsn) as own:
            return await log.append(own, [ended(start + number) for number in range(5)])

    firsts = await asyncio.gather(*(append_some(100 * number) for number in range(8)))
    assert sorted(firsts) == list(range(0, 40, 5))
    entries = await log.entries(connection, 0, 100)
    assert await log.head(connection) == (40, tree_root(map(leaf_hash, entries)))
    for number, first in enumerate(firsts):
        assert entries[first : first + 5] == raws(100 * number, 100 * number + 5)


async def test_what_a_transaction_rolls_back_was_never_appended(
    connection: AsyncConnection[Any],
) -> None:
    await append(connection, 0, 3)
    async with connection.transaction(force_rollback=True):
        await log.append(connection, [ended(7)])
    assert await append(connection, 3, 4) == 3
    assert await log.head(connection) == (4, tree_root(map(leaf_hash, raws(0, 4))))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.log_entries SET raw = ''",
        "DELETE FROM ledger.log_entries",
        "DELETE FROM ledger.log_subtrees",
        "INSERT INTO ledger.log_head (only_row, size, hashes) VALUES (false, 0, '')",
    ],
)
async def test_the_database_keeps_the_log_append_only(
    connection: AsyncConnection[Any], statement: str
) -> None:
    await append(connection, 0, 3)
    with pytest.raises(psycopg.Error):
        await connection.execute(statement.encode())
