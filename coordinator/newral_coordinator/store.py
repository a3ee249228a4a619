"""The coordinator's records in Postgres. Every method runs in the caller's transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec
from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

from newral_coordinator.model import Job, LeaseRecord, Provider, StageRun, Unit
from newral_coordinator.states import JobState, LeaseState, StageState, UnitState
from newral_spec.messages import Stage, WorkRequest
from newral_spec.postgres import load_queries

QUERIES: Final = load_queries("newral_coordinator")

Record = Job | StageRun | Unit | LeaseRecord
R = TypeVar("R", Job, StageRun, Unit, LeaseRecord)

_TABLES: Final[Mapping[type, tuple[str, tuple[str, ...]]]] = {
    Job: ("jobs", ("id",)),
    StageRun: ("stages", ("job", "name")),
    Unit: ("units", ("id",)),
    LeaseRecord: ("leases", ("id",)),
}
_STATES: Final[Mapping[type, type[StrEnum]]] = {
    Job: JobState,
    StageRun: StageState,
    Unit: UnitState,
    LeaseRecord: LeaseState,
}
_STRUCTS: Final[Mapping[str, Any]] = {"workflow": tuple[Stage, ...], "definition": Stage}
"""Fields that are JSON in the database and of these types here."""


def _upsert(record_type: type) -> sql.Composed:
    table, key = _TABLES[record_type]
    names = [field.name for field in dataclasses.fields(record_type)]
    changing = [name for name in names if name not in key]
    return sql.SQL(
        "INSERT INTO coordinator.{table} ({names}) VALUES ({values})"
        " ON CONFLICT ({key}) DO UPDATE SET {changes}"
    ).format(
        table=sql.Identifier(table),
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(map(sql.Placeholder, names)),
        key=sql.SQL(", ").join(map(sql.Identifier, key)),
        changes=sql.SQL(", ").join(
            sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in changing
        ),
    )


_UPSERTS: Final = {record_type: _upsert(record_type) for record_type in _TABLES}


class Store:
    """Reads and writes through one connection."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.connection = connection

    async def _rows(self, query: str, **parameters: object) -> list[DictRow]:
        async with self.connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(QUERIES[query], parameters)
            return await cursor.fetchall()

    async def _do(self, query: str, **parameters: object) -> None:
        await self.connection.execute(QUERIES[query], parameters)

    async def put(self, *records: Record) -> None:
        """Insert or replace."""
        by_type: dict[type, list[dict[str, object]]] = {}
        for record in records:
            by_type.setdefault(type(record), []).append(_to_row(record))
        async with self.connection.cursor() as cursor:
            for record_type, rows in by_type.items():
                if len(rows) == 1:
                    await cursor.execute(_UPSERTS[record_type], rows[0])
                else:
                    await cursor.executemany(_UPSERTS[record_type], rows)

    # Inputs

    async def claim_input(self, event_id: str, now: int, *, ephemeral: bool = False) -> bool:
        """Whether the input is new; from now on, or for a while where ephemeral, it is not."""
        rows = await self._rows(
            "claim_input", event_id=event_id, outcome="applied", now=now, ephemeral=ephemeral
        )
        return bool(rows)

    async def forget_inputs(self, before: int, limit: int) -> None:
        """Forget inputs of ephemeral kinds that were applied before a time."""
        await self._do("forget_inputs", before=before, limit=limit)

    async def set_input_outcome(self, event_id: str, outcome: str) -> None:
        """Say what became of an input that this transaction claimed."""
        await self._do("set_input_outcome", event_id=event_id, outcome=outcome)

    # Jobs and stages

    async def job(self, job_id: str) -> Job | None:
        """The job, locked until the transaction ends."""
        return _first(Job, await self._rows("job", id=job_id))

    async def cancellable_jobs(self, requester: str, ids: Sequence[str]) -> list[Job]:
        """Active ones among a requester's jobs of these ids, locked."""
        rows = await self._rows("cancellable_jobs", requester=requester, ids=list(ids))
        return _all(Job, rows)

    async def count_active_jobs(self, requester: str) -> int:
        """How many of a requester's jobs have not ended."""
        rows = await self._rows("count_active_jobs", requester=requester)
        return int(rows[0]["active"])

    async def active_jobs(self) -> list[Job]:
        """Jobs whose units may be lent, oldest first."""
        return _all(Job, await self._rows("active_jobs"))

    async def overdue_jobs(self, now: int) -> list[Job]:
        """Active jobs whose deadline has passed."""
        return _all(Job, await self._rows("overdue_jobs", now=now))

    async def recent_jobs(self, limit: int) -> list[DictRow]:
        """For people: rows of the newest jobs with their counts of units."""
        return await self._rows("recent_jobs", limit=limit)

    async def totals(self) -> DictRow:
        """For people: numbers of jobs, of those running, and of accepted units."""
        return (await self._rows("totals"))[0]

    async def stages(self, job_id: str) -> list[StageRun]:
        """A job's stages in topological order."""
        return _all(StageRun, await self._rows("stages", job=job_id))

    async def count_accepted_unit(self, unit: Unit) -> None:
        """Count a unit that was just accepted towards its stage."""
        await self._do("count_accepted_unit", job=unit.job, name=unit.stage, cost_s=unit.cost_s)

    # Units

    async def unit(self, unit_id: str) -> Unit | None:
        """The unit, locked until the transaction ends."""
        return _first(Unit, await self._rows("unit", id=unit_id))

    async def open_units(self, job_id: str) -> list[Unit]:
        """Units of a job that are not decided."""
        return _all(Unit, await self._rows("open_units", job=job_id))

    async def count_open_units(self, job_id: str, stage: str) -> int:
        """How many units of a stage are planned and not decided."""
        rows = await self._rows("count_open_units", job=job_id, stage=stage)
        return int(rows[0]["open"])

    async def units_to_fold(self, job_id: str, stage: str, limit: int) -> list[Unit]:
        """Accepted units of a stage whose results are not in its partial output yet."""
        rows = await self._rows("units_to_fold", job=job_id, stage=stage, limit=limit)
        return _all(Unit, rows)

    async def ready_units(self, limit: int, salt: int) -> list[Unit]:
        """Units to lend, in the order in which they should be. `salt`, 63 bits, orders the jobs."""
        rows = await self._rows("ready_units", limit=limit, salt=salt)
        return _all(Unit, rows)

    async def excluded_providers(
        self, units: Sequence[str], refused_since: int
    ) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
        """For each unit, the providers that must not have it now, and those who let it lapse.

        Who declined a lease granted after `refused_since` must not have it now.
        """
        rows = await self._rows(
            "excluded_providers", units=list(units), refused_since=refused_since
        )
        return {row["unit"]: (frozenset(row["excluded"]), frozenset(row["lapsed"])) for row in rows}

    async def accepted_result(self, unit: Unit) -> tuple[bytes | None, str]:
        """The accepted result's canonical JSON (None where it is a blob) and its hash."""
        rows = await self._rows("accepted_result", unit=unit.id, result_sha256=unit.result_sha256)
        return rows[0]["result"], rows[0]["result_sha256"]

    # Leases

    async def lease(self, lease_id: str) -> LeaseRecord | None:
        """The lease, locked until the transaction ends."""
        return _first(LeaseRecord, await self._rows("lease", id=lease_id))

    async def sealed_leases(self, unit_id: str) -> list[LeaseRecord]:
        """The sealed leases of a unit, in the order in which they were granted."""
        return _all(LeaseRecord, await self._rows("leases_of_unit", unit=unit_id))

    async def open_leases(self, job_id: str) -> list[LeaseRecord]:
        """Leases of a job that have no verdict yet."""
        return _all(LeaseRecord, await self._rows("open_leases_of_job", job=job_id))

    async def active_leases(self, provider: str) -> list[LeaseRecord]:
        """Leases from which a provider may still return a result."""
        rows = await self._rows("active_leases_of_provider", provider=provider)
        return _all(LeaseRecord, rows)

    async def overdue_leases(self, now: int, lost: int) -> list[LeaseRecord]:
        """Leases past their deadline, or of nodes silent since `lost`."""
        return _all(LeaseRecord, await self._rows("overdue_leases", now=now, lost=lost))

    async def leases_to_offer_again(self, before: int, limit: int) -> list[LeaseRecord]:
        """Offers made before `before` that their nodes have not confirmed."""
        rows = await self._rows("leases_to_offer_again", before=before, limit=limit)
        return _all(LeaseRecord, rows)

    async def lease_counts(self) -> list[DictRow]:
        """For people: rows of provider, state of lease or outcome of verdict, and how many."""
        return await self._rows("count_leases_by_state")

    async def is_private_blob(self, sha256: str) -> bool:
        """Whether a hash is that of private jobs' results only."""
        return bool((await self._rows("is_private_blob", sha256=sha256))[0]["private"])

    async def held_leases(self, provider: str) -> list[LeaseRecord]:
        """Leases from which a provider may still return a result, not locked."""
        return _all(LeaseRecord, await self._rows("held_leases", provider=provider))

    # Providers

    async def put_provider(self, key: str, request: WorkRequest, now: int) -> None:
        """Note what a node says of itself."""
        await self._do(
            "put_provider", key=key, now=now, request=Jsonb(msgspec.to_builtins(request))
        )

    async def applicants(
        self, since: int, limit: int
    ) -> list[tuple[Provider, int, frozenset[str]]]:
        """Nodes heard from since then, each with the number of leases that it has and with those
        of them that it has not confirmed."""
        rows = await self._rows("applicants", since=since, limit=limit)
        return [(_provider(row), int(row["active"]), frozenset(row["offered"])) for row in rows]

    async def forget_providers(self, before: int, limit: int) -> None:
        """Forget nodes that were silent since then and that nothing is known of."""
        await self._do("forget_providers", before=before, limit=limit)

    async def providers(self, limit: int) -> list[Provider]:
        """The nodes that asked last, the latest first."""
        return [_provider(row) for row in await self._rows("providers", limit=limit)]

    # Verdicts on their way into receipts

    async def put_verdict(self, lease: str, provider: str, verdict: object) -> None:
        """Queue a verdict for the provider's next receipt."""
        body = Jsonb(msgspec.to_builtins(verdict))
        await self._do("put_verdict", lease=lease, provider=provider, verdict=body)

    async def waiting_verdicts(self, limit: int) -> list[DictRow]:
        """Rows of lease, provider, verdict and the time of the last receipt, for the next one."""
        return await self._rows("waiting_verdicts", limit=limit)

    async def set_receipted(self, leases: Iterable[str], now: int) -> None:
        """A receipt carries the verdicts on these leases."""
        await self._do("set_receipted", leases=list(leases), now=now)

    async def send_receipt_again(self, lease: str, before: int) -> None:
        """Put the verdict on the next receipt again, if its last one is from before."""
        await self._do("send_receipt_again", lease=lease, before=before)

    async def put_receipt(self, event: str) -> None:
        """Keep a receipt as it was signed."""
        await self._do("put_receipt", event=event)

    async def receipts(self, skip: int, limit: int) -> list[str]:
        """Kept receipts as JSON, in order, without the first `skip`."""
        rows = await self._rows("receipts", skip=skip, limit=limit)
        return [row["event"] for row in rows]

    # Events on their way out

    async def put_outbox(self, event_id: str, message: bytes) -> None:
        """Queue a signed event for the event log."""
        await self._do("put_outbox", event_id=event_id, message=message)

    async def outbox(self, limit: int) -> list[DictRow]:
        """Rows of id, event id and message, oldest first."""
        return await self._rows("outbox", limit=limit)

    async def delete_outbox(self, ids: Sequence[int]) -> None:
        """The event log has got these."""
        await self._do("delete_outbox", ids=list(ids))

    async def policy(self) -> bytes | None:
        """The entry with the rules that the log stated last."""
        rows = await self._rows("policy")
        return rows[0]["entry"] if rows else None

    async def put_policy(self, entry: bytes) -> None:
        """The log states other rules from here on."""
        await self._do("put_policy", entry=entry)

    async def last_checkpoint(self) -> DictRow | None:
        """Size, event id, event and time of the newest checkpoint."""
        rows = await self._rows("last_checkpoint")
        return rows[0] if rows else None

    async def put_checkpoint(self, size: int, event_id: str, event: str, now: int) -> None:
        """Store a signed checkpoint. The size is a primary key: no size is signed twice."""
        await self._do("put_checkpoint", size=size, event_id=event_id, event=event, made_at=now)

    async def put_evidence(self, event_id: str, event: str) -> None:
        """Keep a signed event that arrived inside another."""
        await self._do("put_evidence", event_id=event_id, event=event)

    async def evidence(self, ids: Sequence[str]) -> dict[str, str]:
        """Kept events as JSON, by id."""
        rows = await self._rows("evidence", ids=list(ids))
        return {row["event_id"]: row["event"] for row in rows}


def _to_row(record: Record) -> dict[str, object]:
    row: dict[str, object] = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if field.name in _STRUCTS:
            value = Jsonb(msgspec.to_builtins(value))
        elif isinstance(value, tuple):
            value = list(value)
        row[field.name] = value
    return row


def _from_row(record_type: type[R], row: Mapping[str, Any]) -> R:
    values = {field.name: row[field.name] for field in dataclasses.fields(record_type)}
    values["state"] = _STATES[record_type](values["state"])
    for name, struct in _STRUCTS.items():
        if name in values:
            values[name] = msgspec.convert(values[name], struct)
    if "relays" in values:
        values["relays"] = tuple(values["relays"])
    return record_type(**values)


def _all(record_type: type[R], rows: Iterable[DictRow]) -> list[R]:
    return [_from_row(record_type, row) for row in rows]


def _first(record_type: type[R], rows: Sequence[DictRow]) -> R | None:
    return _from_row(record_type, rows[0]) if rows else None


def _provider(row: Mapping[str, Any]) -> Provider:
    return Provider(
        key=row["key"],
        first_seen_at=row["first_seen_at"],
        seen_at=row["seen_at"],
        request=msgspec.convert(row["request"], WorkRequest),
    )
