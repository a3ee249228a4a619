"""The relay's events in one SQLite file: one connection writes, one reads, each in its thread."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Final

from newral_relay_bridge.embedded_relay import queries
from newral_relay_bridge.embedded_relay.config import QUERY_S
from newral_relay_bridge.embedded_relay.expiration import expires_at
from newral_spec import keys
from newral_spec.event import Event
from newral_spec.kinds import Kind, is_addressable, is_ephemeral, is_replaceable
from newral_spec.session import Filter

SCHEMA_VERSION: Final = 1
PURGED_AT_ONCE_MAX: Final = 1000
"""Expired events removed in one transaction, so that publishers do not wait long."""

_PROGRESS_STEPS: Final = 10_000
"""SQLite instructions between two looks at the clock: well under a millisecond."""


class StorageError(Exception):
    """The database cannot be used, or a query took too long."""


class Insertion(Enum):
    """What became of an event."""

    STORED = "stored"
    EPHEMERAL = "ephemeral"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    DELETED = "deleted"


@dataclass(frozen=True)
class Stored:
    """The outcome for one event; `row` is 0 unless it was stored."""

    insertion: Insertion
    row: int = 0


@dataclass(frozen=True)
class Found:
    """Rows that match, the newest event first, and the highest row committed by then."""

    rows: list[int]
    horizon: int


def open_database(path: Path) -> sqlite3.Connection:
    """A connection to a database that exists afterwards. Raises `StorageError`."""
    try:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # WAL with NORMAL survives the death of this process; a power cut may cost the last
        # commits, never the consistency. The relay is transport: a sync per commit is too dear.
        database.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
            "PRAGMA busy_timeout = 5000; PRAGMA cache_size = -2000;"
        )
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            schema = resources.files(__package__).joinpath("schema.sql").read_text()
            database.executescript(f"BEGIN IMMEDIATE; {schema} COMMIT;")
        elif version != SCHEMA_VERSION:
            database.close()
            raise StorageError(f"{path} has schema {version}, this relay knows {SCHEMA_VERSION}")
    except sqlite3.Error as error:
        raise StorageError(f"cannot use {path} as a relay's database: {error}") from error
    return database


class EventWriter:
    """Changes the database. Use from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._database = open_database(path)

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    def store(self, events: Iterable[Event]) -> list[Stored]:
        """Apply verified events in order and commit them together. Raises `StorageError`."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            outcomes = [self._apply(event) for event in events]
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise StorageError(str(error)) from error
        finally:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
        return outcomes

    def purge(self, now: int) -> int:
        """Remove some of the events expired at `now` (Unix seconds); how many."""
        try:
            return self._database.execute(
                "DELETE FROM event WHERE row IN "
                "(SELECT row FROM event WHERE expires_at <= ? LIMIT ?)",
                (now, PURGED_AT_ONCE_MAX),
            ).rowcount
        except sqlite3.Error as error:
            raise StorageError(str(error)) from error

    def _apply(self, event: Event) -> Stored:
        if is_ephemeral(event.kind):
            return Stored(Insertion.EPHEMERAL)
        event_id = bytes.fromhex(event.id)
        if self._database.execute("SELECT 1 FROM event WHERE id = ?", (event_id,)).fetchone():
            return Stored(Insertion.DUPLICATE)
        address = address_of(event)
        if self._is_deleted(event, event_id, address):
            return Stored(Insertion.DELETED)
        if address is not None and not self._replace(event, event_id, address):
            return Stored(Insertion.SUPERSEDED)
        row = self._insert(event, event_id, address)
        if event.kind == Kind.DELETION:
            self._delete(event)
        return Stored(Insertion.STORED, row)

    def _is_deleted(self, event: Event, event_id: bytes, address: str | None) -> bool:
        if event.kind == Kind.DELETION:
            return False  # NIP-09: deleting a deletion request has no effect.
        by_id = self._database.execute(
            "SELECT 1 FROM deleted_id WHERE id = ? AND pubkey = ?",
            (event_id, bytes.fromhex(event.pubkey)),
        ).fetchone()
        by_address = self._database.execute(
            "SELECT 1 FROM deleted_address WHERE address = ? AND until >= ?",
            (address, event.created_at),
        ).fetchone()
        return by_id is not None or by_address is not None

    def _replace(self, event: Event, event_id: bytes, address: str) -> bool:
        """Make room for `event` unless the stored one wins: the newer, then the lower id."""
        kept = self._database.execute(
            "SELECT row, created_at, id FROM event WHERE address = ?", (address,)
        ).fetchone()
        if kept is None:
            return True
        row, created_at, kept_id = kept
        if (created_at, event_id) > (event.created_at, kept_id):
            return False
        self._database.execute("DELETE FROM event WHERE row = ?", (row,))
        return True

    def _insert(self, event: Event, event_id: bytes, address: str | None) -> int:
        cursor = self._database.execute(
            "INSERT INTO event (id, pubkey, created_at, kind, address, expires_at, json)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                event_id,
                bytes.fromhex(event.pubkey),
                event.created_at,
                event.kind,
                address,
                expires_at(event),
                event.to_json(),
            ),
        )
        row = cursor.lastrowid
        assert row is not None, "an INSERT has a row number"
        self._database.executemany(
            "INSERT OR IGNORE INTO tag (letter, value, event) VALUES (?, ?, ?)",
            [(tag[0], tag[1], row) for tag in event.tags if len(tag) > 1 and len(tag[0]) == 1],
        )
        return row

    def _delete(self, request: Event) -> None:
        """Carry out NIP-09: only the author's own events, and never a deletion request."""
        author = bytes.fromhex(request.pubkey)
        ids = [bytes.fromhex(value) for value in request.values("e") if keys.is_hex32(value)]
        self._database.executemany(
            "DELETE FROM event WHERE id = ? AND pubkey = ? AND kind != ?",
            [(event_id, author, Kind.DELETION.value) for event_id in ids],
        )
        self._database.executemany(
            "INSERT OR IGNORE INTO deleted_id VALUES (?, ?)",
            [(event_id, author) for event_id in ids],
        )
        for address in request.values("a"):
            if address.split(":", 2)[1:2] == [request.pubkey]:
                self._delete_address(address, request.created_at)

    def _delete_address(self, address: str, until: int) -> None:
        self._database.execute(
            "DELETE FROM event WHERE address = ? AND created_at <= ?", (address, until)
        )
        self._database.execute(
            "INSERT INTO deleted_address VALUES (?, ?)"
            " ON CONFLICT (address) DO UPDATE SET until = max(until, excluded.until)",
            (address, until),
        )


class EventReader:
    """Queries the database. Use from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._database = open_database(path)
        self._give_up_at = 0.0
        self._database.set_progress_handler(self._is_too_late, _PROGRESS_STEPS)

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    def find(self, filters: Sequence[Filter], now: int) -> Found:
        """What matches any of the filters, each with its limit. Raises `StorageError`."""
        with self._snapshot():
            (horizon,) = self._database.execute("SELECT ifnull(max(row), 0) FROM event").fetchone()
            newest_first = {
                row: (-created_at, event_id)
                for query in filters
                for row, created_at, event_id in self._database.execute(
                    *queries.matching_rows(query, now)
                )
            }
        return Found(sorted(newest_first, key=newest_first.__getitem__), horizon)

    def count(self, filters: Sequence[Filter], now: int) -> int:
        """How many events match any of the filters. Raises `StorageError`."""
        with self._snapshot():
            (count,) = self._database.execute(*queries.count_rows(filters, now)).fetchone()
        return int(count)

    def read(self, rows: Sequence[int]) -> list[bytes]:
        """The events of these rows as JSON, in order; those deleted meanwhile are left out."""
        with self._snapshot():
            found = (
                self._database.execute("SELECT json FROM event WHERE row = ?", (row,)).fetchone()
                for row in rows
            )
            return [item[0] for item in found if item is not None]

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        self._give_up_at = time.monotonic() + QUERY_S
        try:
            self._database.execute("BEGIN")
            try:
                yield
            finally:
                self._give_up_at = float("inf")
                self._database.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise StorageError(str(error)) from error

    def _is_too_late(self) -> bool:
        return time.monotonic() > self._give_up_at


def address_of(event: Event) -> str | None:
    """What names a replaceable or addressable event over its versions (NIP-01)."""
    if is_replaceable(event.kind):
        return f"{event.kind}:{event.pubkey}:"
    if is_addressable(event.kind):
        return f"{event.kind}:{event.pubkey}:{event.first('d') or ''}"
    return None
