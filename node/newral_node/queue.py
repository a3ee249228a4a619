"""The node's crash-safe store: leases, checkpoints, results until a receipt names them, earnings.

SQLite with a write-ahead log and full synchronisation: what a method saved before it returned
survives kill -9 and power loss. Blocking; the agent uses it from one thread of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from newral_node import events as ev
from newral_node.leases import Held
from newral_node.settings import REMEMBERED_MAX
from newral_node.states import FINAL, LeaseState
from newral_spec.canonical import canonical_json
from newral_spec.messages import BlobRef, Lease, UnitResult, Verdict

SCHEMA_VERSION: Final = 1

BUSY_S: Final = 5.0
"""How long to wait for a reader, such as somebody's sqlite3 shell, to let go of the file."""

_SCHEMA: Final = """
CREATE TABLE leases (
    position INTEGER PRIMARY KEY,           -- order of arrival
    id TEXT NOT NULL UNIQUE,
    lease BLOB NOT NULL,                    -- JSON, without the unit's parameters
    state TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX leases_by_state ON leases (state);
CREATE TABLE specs (lease TEXT PRIMARY KEY REFERENCES leases (id) ON DELETE CASCADE,
    spec BLOB NOT NULL) STRICT;             -- the unit's parameters as canonical JSON
CREATE TABLE checkpoints (lease TEXT PRIMARY KEY REFERENCES leases (id) ON DELETE CASCADE,
    state BLOB NOT NULL) STRICT;            -- the kernel's own JSON
CREATE TABLE outcomes (lease TEXT PRIMARY KEY REFERENCES leases (id) ON DELETE CASCADE,
    nonce TEXT NOT NULL,                    -- of the commitment; never changes once published
    result BLOB,                            -- canonical JSON; NULL when uploaded or failed
    failed TEXT,
    blob_sha256 TEXT,
    blob_size INTEGER,
    cpu_ms INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    at REAL NOT NULL) STRICT;               -- Unix seconds
CREATE TABLE verdicts (
    lease TEXT PRIMARY KEY,
    position INTEGER NOT NULL,              -- in the coordinator's log: the later verdict counts
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    credits INTEGER NOT NULL,               -- micro-credits
    created_at INTEGER NOT NULL) STRICT;    -- of the receipt, Unix seconds
CREATE INDEX verdicts_by_time ON verdicts (created_at);
"""


class QueueError(Exception):
    """The store cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Earnings:
    """What the receipts say. `credits` are micro-credits."""

    accepted: int
    rejected: int
    refused: int
    credits: int


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """One verdict, for the owner to see. `credits` are micro-credits."""

    lease: str
    outcome: str
    reason: str
    credits: int
    created_at: int


class Queue:
    """The store in one file. Raises `QueueError` when it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(
            path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._migrate(path)
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise QueueError(f"{path} cannot be used as the node's store: {error}") from error

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def _migrate(self, path: Path) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            self._db.close()
            raise QueueError(
                f"{path} has schema {version}, this version of newral knows {SCHEMA_VERSION}: "
                "use the newer one"
            )
        if version == 0:
            self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = 1; COMMIT;")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # -- what the core wants saved ---------------------------------------------------------------

    def save(self, instructions: Iterable[ev.Save]) -> None:
        """Carry out the core's `Save…` instructions: all of them or, after a crash, none."""
        with self._transaction() as db:
            for instruction in instructions:
                self._save(db, instruction)

    def _save(self, db: sqlite3.Connection, instruction: ev.Save) -> None:
        match instruction:
            case ev.SaveLease(lease, spec, state, reason):
                self._save_lease(db, lease, spec, state, reason)
            case ev.SaveState(lease_id, state, reason):
                self._save_state(db, lease_id, state, reason)
            case ev.SaveSpec(lease_id, document):
                db.execute("INSERT OR REPLACE INTO specs VALUES (?, ?)", (lease_id, document))
            case ev.SaveCheckpoint(lease_id, document):
                db.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?)", (lease_id, document))
            case ev.SaveOutcome():
                self._save_outcome(db, instruction)
            case ev.SaveUpload(lease_id, blob):
                db.execute(
                    "UPDATE outcomes SET result = NULL, blob_sha256 = ?, blob_size = ?"
                    " WHERE lease = ?",
                    (blob.sha256, blob.size, lease_id),
                )
            case ev.SaveVerdict(verdict, created_at):
                _save_verdict(db, verdict, created_at)
            case _:
                raise TypeError(f"the store cannot save a {type(instruction).__name__}")

    def _save_lease(
        self,
        db: sqlite3.Connection,
        lease: Lease,
        spec: dict[str, Any] | None,
        state: LeaseState,
        reason: str,
    ) -> None:
        db.execute(
            "INSERT INTO leases (id, lease, state, reason) VALUES (?, ?, ?, ?)",
            (lease.id, msgspec.json.encode(lease), state.value, reason),
        )
        if spec is not None and state not in FINAL:
            db.execute("INSERT INTO specs VALUES (?, ?)", (lease.id, canonical_json(spec)))
        if state in FINAL:
            self._forget_oldest(db)

    def _save_state(
        self, db: sqlite3.Connection, lease: str, state: LeaseState, reason: str
    ) -> None:
        db.execute(
            "UPDATE leases SET state = ?, reason = ? WHERE id = ?", (state.value, reason, lease)
        )
        if state in FINAL:
            for table in ("specs", "checkpoints", "outcomes"):
                db.execute(f"DELETE FROM {table} WHERE lease = ?", (lease,))  # noqa: S608 - ours
            self._forget_oldest(db)

    def _forget_oldest(self, db: sqlite3.Connection) -> None:
        marks = ", ".join("?" * len(FINAL))
        db.execute(
            f"DELETE FROM leases WHERE state IN ({marks}) AND position <="  # noqa: S608 - ours
            " (SELECT max(position) FROM leases) - ?",
            (*(state.value for state in FINAL), REMEMBERED_MAX),
        )

    def _save_outcome(self, db: sqlite3.Connection, outcome: ev.SaveOutcome) -> None:
        db.execute(
            "INSERT OR REPLACE INTO outcomes"
            " (lease, nonce, result, failed, cpu_ms, wall_ms, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                outcome.lease,
                outcome.nonce,
                outcome.result,
                outcome.failed,
                outcome.cpu_ms,
                outcome.wall_ms,
                outcome.at,
            ),
        )
        db.execute(
            "UPDATE leases SET state = ?, reason = ? WHERE id = ?",
            (outcome.state.value, outcome.failed or "", outcome.lease),
        )
        for table in ("specs", "checkpoints"):
            db.execute(f"DELETE FROM {table} WHERE lease = ?", (outcome.lease,))  # noqa: S608 - ours

    # -- what was saved --------------------------------------------------------------------------

    def restore(self) -> list[Held]:
        """Every lease, oldest first, as the core knew it when it was last saved."""
        rows = self._db.execute(
            "SELECT leases.lease, state, reason, at,"
            " coalesce(length(result), length(CAST(failed AS BLOB)), 0)"
            " FROM leases LEFT JOIN outcomes ON outcomes.lease = leases.id ORDER BY position"
        )
        return [
            Held(
                lease=msgspec.json.decode(lease, type=Lease),
                state=LeaseState(state),
                reason=reason,
                finished_at=at or 0.0,
                result_bytes=size,
            )
            for lease, state, reason, at, size in rows
        ]

    def work(self, lease: str) -> tuple[bytes, bytes | None]:
        """The unit's parameters and its checkpoint, both as JSON. Raises `KeyError`."""
        row = self._db.execute(
            "SELECT spec, state FROM specs LEFT JOIN checkpoints USING (lease) WHERE lease = ?",
            (lease,),
        ).fetchone()
        if row is None:
            raise KeyError(lease)
        return row[0], row[1]

    def result(self, lease: str) -> bytes:
        """The result as canonical JSON. Raises `KeyError`."""
        row = self._db.execute("SELECT result FROM outcomes WHERE lease = ?", (lease,)).fetchone()
        if row is None or row[0] is None:
            raise KeyError(lease)
        return bytes(row[0])

    def outcome(self, lease: str) -> tuple[Lease, UnitResult]:
        """The lease and what will be sealed for it. Raises `KeyError`."""
        row = self._db.execute(
            "SELECT leases.lease, nonce, result, failed, blob_sha256, blob_size, cpu_ms, wall_ms"
            " FROM outcomes JOIN leases ON leases.id = outcomes.lease WHERE outcomes.lease = ?",
            (lease,),
        ).fetchone()
        if row is None:
            raise KeyError(lease)
        raw, nonce, result, failed, sha256, size, cpu_ms, wall_ms = row
        return msgspec.json.decode(raw, type=Lease), UnitResult(
            lease=lease,
            nonce=nonce,
            result=None if result is None else msgspec.json.decode(result),
            blob=None if sha256 is None else BlobRef(sha256, size),
            failed=failed,
            cpu_ms=cpu_ms,
            wall_ms=wall_ms,
        )

    def last_receipt_at(self) -> int | None:
        """`created_at` of the newest receipt, in Unix seconds."""
        (latest,) = self._db.execute("SELECT max(created_at) FROM verdicts").fetchone()
        return None if latest is None else int(latest)

    def earnings(self) -> Earnings:
        """Totals over all receipts."""
        rows = self._db.execute("SELECT outcome, count(*), sum(credits) FROM verdicts GROUP BY 1")
        found = {outcome: (number, paid) for outcome, number, paid in rows}
        return Earnings(
            accepted=found.get("accepted", (0, 0))[0],
            rejected=found.get("rejected", (0, 0))[0],
            refused=found.get("refused", (0, 0))[0],
            credits=sum(paid for _, paid in found.values()),
        )

    def last_verdicts(self, count: int) -> list[StoredVerdict]:
        """The newest verdicts, newest first."""
        rows = self._db.execute(
            "SELECT lease, outcome, reason, credits, created_at FROM verdicts"
            " ORDER BY created_at DESC, position DESC LIMIT ?",
            (count,),
        )
        return [StoredVerdict(*row) for row in rows]


def _save_verdict(db: sqlite3.Connection, verdict: Verdict, created_at: int) -> None:
    db.execute(
        "INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (lease) DO UPDATE SET"
        " position = excluded.position, outcome = excluded.outcome, reason = excluded.reason,"
        " credits = excluded.credits, created_at = excluded.created_at"
        " WHERE excluded.position > verdicts.position",
        (
            verdict.lease,
            verdict.position,
            verdict.outcome,
            verdict.reason,
            verdict.credits,
            created_at,
        ),
    )
