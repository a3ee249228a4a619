"""What the bridge deletes, and what it never does."""

from __future__ import annotations

import psycopg
import pytest

from newral_relay_bridge import retention
from newral_relay_bridge.archive import Archive
from newral_relay_bridge.consumer_offsets import store_offset
from newral_relay_bridge.postgres_log import PostgresLog
from newral_relay_bridge.retention import Retention
from newral_spec.event import Event, sign_event
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.postgres import migrate

SECRET = SecretKey(bytes.fromhex("07" * 32))


def events(kind: int, count: int) -> list[Event]:
    return [
        sign_event(SECRET, kind=kind, created_at=1_700_000_000, content=str(number))
        for number in range(count)
    ]


async def consume(dsn: str, consumer: str, offset: int) -> None:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await store_offset(connection, consumer, "inbound", offset)


@pytest.mark.parametrize("rows_per_step", [2, 5000])
async def test_old_heartbeats_and_consumed_records_are_forgotten(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, rows_per_step: int
) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_STEP", rows_per_step)
    async with await psycopg.AsyncConnection.connect(postgres_dsn) as connection:
        await migrate(connection, "newral_relay_bridge")
    log, archive = PostgresLog(postgres_dsn), Archive(postgres_dsn)
    heartbeats, jobs = events(Kind.WORK_REQUEST, 5), events(Kind.JOB_REQUEST, 5)
    await log.ingest("inbound", [*heartbeats, *jobs])
    await consume(postgres_dsn, "swift", 9)
    await consume(postgres_dsn, "slow", 6)

    young, old = Retention(postgres_dsn), Retention(postgres_dsn, age_s=0.0)
    await young.forget()
    assert len(await log.read("inbound", -1, 100)) == 10
    await old.forget()
    assert [record.offset for record in await log.read("inbound", -1, 100)] == [7, 8, 9]
    kept = await archive.get([event.id for event in (*heartbeats, *jobs)])
    assert set(kept) == {event.id for event in jobs}

    # What was appended before is still known, and offsets go on.
    assert await log.ingest("inbound", jobs) == [None] * 5
    more = events(Kind.JOB_REQUEST, 6)
    assert (await log.ingest("inbound", more))[-1] == 10
    for part in (young, old, log, archive):
        await part.close()
