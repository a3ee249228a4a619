"""What relays deliver reaches the coordinator once, verified and examined."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from newral_testing.bridges import COORDINATOR, REQUESTER, job, migrated, running_bridge
from newral_testing.raw_client import RawClient
from newral_testing.relays import embedded_relay, javascript_relay
from newral_testing.scripted_relay import eventually, scripted_relay

from newral_relay_bridge.policies import RATES
from newral_relay_bridge.rates import Rate
from newral_spec.event import Event
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.nips import nip17

HOUR_S = 3600
DAY_S = 24 * HOUR_S


@pytest.fixture
async def dsn(postgres_dsn: str) -> str:
    return await migrated(postgres_dsn)


async def post(url: str, *events: Event) -> None:
    async with RawClient(url) as client:
        for event in events:
            await client.publish(event)


def wrapped() -> Event:
    """A private message in a wrap that is dated a day back."""
    return nip17.wrap(
        "carmichael 10^6",
        sender=REQUESTER,
        recipient=COORDINATOR.public_key,
        ephemeral=SecretKey(os.urandom(32)),
        now=int(time.time()),
        random_bytes=lambda count: DAY_S.to_bytes(count),
    )


async def test_an_event_is_admitted_once_from_three_relays_and_five_posts(
    dsn: str, tmp_path: Path
) -> None:
    asked = job()
    with (
        embedded_relay(tmp_path / "a") as a,
        embedded_relay(tmp_path / "b") as b,
        javascript_relay() as c,
    ):
        async with running_bridge(dsn, a.url, b.url, c.url) as desk:
            await eventually(lambda: desk.is_complete)
            for _ in range(5):
                await asyncio.gather(*(post(relay.url, asked) for relay in (a, b, c)))
            last = job("and another")
            await post(a.url, last)
            await eventually(lambda: desk.status["admitted"] == 2)
            assert await desk.admitted() == [asked, last]
            assert await desk.refusals() == []
            duplicates = [relay["duplicates"] for relay in desk.status["relays"].values()]
            assert sum(duplicates) >= 2


async def test_a_forgery_is_counted_and_does_not_suppress_the_true_event(dsn: str) -> None:
    true = job()
    forged = [
        msgspec.structs.replace(true, content="bpsw 2^64 everything"),  # the true id and signature
        msgspec.structs.replace(true, sig=true.sig[:-2] + "00"),
        msgspec.structs.replace(true, pubkey=COORDINATOR.public_key),
    ]
    async with scripted_relay() as liar, scripted_relay() as honest:
        liar.stored = [forged[0]]
        async with running_bridge(dsn, liar.url, honest.url) as desk:
            await eventually(lambda: desk.relay_status(liar.url).get("forged") == 1)
            await eventually(lambda: desk.is_complete)
            await honest.post(true)
            await eventually(lambda: desk.status["admitted"] == 1)
            for forgery in forged[1:]:
                await liar.post(forgery)
            last = job("after it")
            await honest.post(last)
            await eventually(lambda: desk.status["admitted"] == 2)
            assert await desk.admitted() == [true, last]
            assert desk.relay_status(honest.url)["forged"] == 0


REFUSED = {
    "size": lambda: job("x" * 20_000, kind=Kind.NOTE),
    "future": lambda: job(age_s=-HOUR_S),
    "stale": lambda: job(age_s=20 * 60),
    "expired": lambda: job(
        tags=(("p", COORDINATOR.public_key), ("expiration", str(int(time.time()) - 1)))
    ),
    "bad_expiration": lambda: job(tags=(("p", COORDINATOR.public_key), ("expiration", "soon"))),
    "missing_e": lambda: job(kind=Kind.DELETION),
    "pow": job,
}


@pytest.mark.parametrize("code", REFUSED)
async def test_a_refusal_reaches_the_coordinator_with_a_reason(dsn: str, code: str) -> None:
    refused = REFUSED[code]()
    work_bits = 8 if code == "pow" else 0
    async with (
        scripted_relay() as relay,
        running_bridge(dsn, relay.url, work_bits=work_bits) as desk,
    ):
        await eventually(lambda: desk.is_complete)
        await relay.post(refused)
        await eventually(desk.refusals)
        (refusal,) = await desk.refusals()
        assert (refusal.event, refusal.code) == (refused.id, code)
        assert (refusal.pubkey, refusal.kind) == (refused.pubkey, refused.kind)
        assert refusal.reason
        assert desk.status["rejected"] == {code: 1}
        assert await desk.admitted() == []


async def test_a_flood_is_refused_and_the_refusals_do_not_flood_the_log(dsn: str) -> None:
    rates = replace(RATES, job=Rate(per_s=0.001, burst=5))
    other = job("of another key", secret=SecretKey(b"\x22" * 32))
    async with scripted_relay() as relay, running_bridge(dsn, relay.url, rates=rates) as desk:
        await eventually(lambda: desk.is_complete)
        for number in range(60):
            await relay.post(job(f"job {number}"))
        await relay.post(other)
        await eventually(lambda: desk.status["admitted"] == 6)
        assert other in await desk.admitted()
        await eventually(lambda: desk.status["rejected"] == {"rate": 55})
        refusals = await desk.refusals()
        assert 10 <= len(refusals) <= 12
        assert desk.status["unreported"] == 55 - len(refusals)


async def test_open_jobs_are_admitted_and_those_of_others_are_nobodys_business(dsn: str) -> None:
    elsewhere = job(tags=(("p", "ab" * 32),))
    open_job = job(tags=())
    cancellation = job(kind=Kind.DELETION, tags=(("e", open_job.id), ("k", "5990")))
    async with scripted_relay() as relay:
        relay.stored = [elsewhere, open_job, cancellation]
        async with running_bridge(dsn, relay.url) as desk:
            await eventually(lambda: desk.status["admitted"] == 2)
            await eventually(lambda: desk.status["rejected"] == {"recipient": 1})
            assert {event.id for event in await desk.admitted()} == {open_job.id, cancellation.id}
            assert await desk.refusals() == []


async def test_what_was_posted_while_the_bridge_was_away_is_admitted_once(
    dsn: str, tmp_path: Path
) -> None:
    before, meanwhile, refused = job("before"), job("meanwhile"), job(kind=Kind.DELETION)
    private = wrapped()
    with embedded_relay(tmp_path / "relay") as relay:
        async with running_bridge(dsn, relay.url) as desk:
            await eventually(lambda: desk.is_complete)
            await post(relay.url, before, refused)
            await eventually(desk.refusals)
        await post(relay.url, meanwhile, private)
        for _ in range(2):
            async with running_bridge(dsn, relay.url) as desk:
                await eventually(lambda: desk.is_complete)
                admitted = {event.id for event in await desk.admitted()}
                assert admitted == {before.id, meanwhile.id, private.id}
                assert [refusal.event for refusal in await desk.refusals()] == [refused.id]


async def test_hours_away_make_nothing_stale(dsn: str) -> None:
    hours_old = job(age_s=3 * HOUR_S)
    async with scripted_relay() as relay:
        async with running_bridge(dsn, relay.url, clock=lambda: time.time() - 5 * HOUR_S) as desk:
            await eventually(lambda: desk.is_complete)
        relay.stored.append(hours_old)
        async with running_bridge(dsn, relay.url) as desk:
            await eventually(lambda: desk.status["admitted"] == 1)
            assert await desk.admitted() == [hours_old]


async def test_a_relay_that_restarts_is_read_from_where_it_was(dsn: str, tmp_path: Path) -> None:
    meanwhile, private = job(), wrapped()
    database = tmp_path / "relay"
    first = embedded_relay(database)
    port = int(first.url.rpartition(":")[2])
    async with running_bridge(dsn, first.url) as desk:
        await eventually(lambda: desk.is_complete)
        first.kill()
        with embedded_relay(database, port=port) as again:
            await post(again.url, meanwhile, private)
            await eventually(lambda: desk.status["admitted"] == 2)
            assert {event.id for event in await desk.admitted()} == {meanwhile.id, private.id}


async def test_giant_and_broken_messages_cost_nothing_but_themselves(dsn: str) -> None:
    giant = json.dumps(["EVENT", "jobs", {"content": "x" * 10_000_000}])
    honest = job()
    async with scripted_relay() as relay:
        relay.preamble = [giant, "[", '["EVENT","jobs",{"content":"\\ud800"}]', b"\xff\xfe"]
        relay.stored = [honest]
        async with running_bridge(dsn, relay.url) as desk:
            await eventually(lambda: desk.status["admitted"] == 1)
            assert await desk.admitted() == [honest]


async def test_a_relay_that_wants_authentication_gets_it(dsn: str, tmp_path: Path) -> None:
    asked = job()
    with (
        embedded_relay(tmp_path / "closed", require_auth=True) as closed,
        embedded_relay(tmp_path / "open") as open_relay,
    ):
        async with running_bridge(dsn, closed.url, open_relay.url) as desk:
            await eventually(lambda: desk.is_complete)
            await post(open_relay.url, asked)
            await eventually(lambda: desk.status["admitted"] == 1)
            await desk.publish(job("from us", secret=COORDINATOR))
            await eventually(lambda: desk.relay_status(closed.url)["published"] == 1)


async def test_filters_are_ones_that_strict_relays_serve(dsn: str) -> None:
    async with scripted_relay() as relay, running_bridge(dsn, relay.url) as desk:
        await eventually(lambda: desk.is_complete)
    assert len(relay.requests) <= 10  # many relays allow that few subscriptions
    for filters in relay.requests:
        for wanted in filters:
            assert sum(name.startswith("#") for name in wanted) <= 1
            assert "since" in wanted or wanted["limit"] == 0
