"""The append-only Merkle log in Postgres: every function runs inside the caller's transaction.

A row lock on the head makes appends contiguous; what is appended appears with whatever else the
transaction commits, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from psycopg import AsyncConnection

from newral_ledger import merkle
from newral_ledger.merkle import CompactRange, LeafRange, Subtree
from newral_ledger.tiles import BundleAddress, encode_bundle
from newral_spec import trail
from newral_spec.postgres import load_queries

QUERIES: Final = load_queries("newral_ledger", "log.sql")


async def append(connection: AsyncConnection[Any], entries: Sequence[trail.Entry]) -> int:
    """Append entries in order. Returns the position of the first: the log's size before.

    Raises `trail.InvalidEntry` when one is too large; nothing is appended then.
    """
    raws = [trail.encode_entry(entry) for entry in entries]
    cursor = await connection.execute(QUERIES["lock_head"])
    log = _compact_range(await cursor.fetchone())
    first = log.size
    if not raws:
        return first
    completed = [item for raw in raws for item in log.append(merkle.leaf_hash(raw))]
    subtrees = [(place, digest) for place, digest in completed if place.level > 0]
    await connection.execute(QUERIES["insert_entries"], {"first": first, "raws": raws})
    await connection.execute(
        QUERIES["insert_subtrees"],
        {
            "levels": [place.level for place, _ in subtrees],
            "places": [place.offset for place, _ in subtrees],
            "hashes": [digest for _, digest in subtrees],
        },
    )
    await connection.execute(QUERIES["update_head"], {"size": log.size, "hashes": log.to_bytes()})
    return first


async def head(connection: AsyncConnection[Any]) -> tuple[int, bytes]:
    """The log's size and root."""
    cursor = await connection.execute(QUERIES["head"])
    log = _compact_range(await cursor.fetchone())
    return log.size, log.root()


async def entries(connection: AsyncConnection[Any], start: int, limit: int) -> list[bytes]:
    """The bytes of at most `limit` entries from position `start` on."""
    cursor = await connection.execute(QUERIES["entries"], {"start": start, "limit": limit})
    return [raw for (raw,) in await cursor.fetchall()]


async def bundle(connection: AsyncConnection[Any], address: BundleAddress) -> bytes | None:
    """An entry bundle; None while the log has fewer entries than it would hold."""
    raws = await entries(connection, address.start, address.width)
    return encode_bundle(raws) if len(raws) == address.width else None


async def inclusion_proof(
    connection: AsyncConnection[Any], position: int, size: int
) -> list[bytes]:
    """The proof that the entry at `position` is in the log as it was at `size`.

    Raises `ValueError` unless `0 ≤ position < size` and the log has `size` entries.
    """
    return await _proof(connection, merkle.inclusion_ranges(position, size), size)


async def consistency_proof(connection: AsyncConnection[Any], old: int, new: int) -> list[bytes]:
    """The proof that the log at size `new` extends the log at size `old`.

    Raises `ValueError` unless `1 ≤ old ≤ new` and the log has `new` entries.
    """
    return await _proof(connection, merkle.consistency_ranges(old, new), new)


async def _proof(
    connection: AsyncConnection[Any], ranges: Iterable[LeafRange], size: int
) -> list[bytes]:
    current, _ = await head(connection)
    if size > current:
        raise ValueError(f"the log has {current} entries, not {size}")
    ranges = list(ranges)
    wanted = [subtree for leaves in ranges for subtree in merkle.complete_subtrees(leaves)]
    cursor = await connection.execute(
        QUERIES["subtrees"],
        {
            "levels": [subtree.level for subtree in wanted],
            "places": [subtree.offset for subtree in wanted],
        },
    )
    nodes = {Subtree(level, place): digest for level, place, digest in await cursor.fetchall()}
    return merkle.range_hashes(ranges, nodes.__getitem__)


def _compact_range(row: tuple[int, bytes] | None) -> CompactRange:
    if row is None:
        raise RuntimeError("ledger.log_head has lost its only row")
    return CompactRange.from_bytes(*row)
