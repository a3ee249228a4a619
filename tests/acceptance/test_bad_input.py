"""What strangers send to a running market: each is told what is wrong, and nobody else notices."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import msgspec
import pytest
from newral_testing.events import event_of, new_key
from newral_testing.markets import UpMarket
from newral_testing.raw_client import RawClient

from newral_spec.event import Event, parse_event, verify_event
from newral_spec.kinds import Kind
from newral_spec.messages import Feedback, JobResult, decode_feedback, decode_result
from newral_spec.trail import JobAccepted, TransferPosted

STALE_S = 20 * 60  # beyond the 15 minutes that clocks may differ
YEAR_S = 365 * 24 * 3600
TEN_MEGABYTES = 10 * 1024 * 1024
CARMICHAEL_BELOW_10_TO_6 = 43

HONEST = {"kernel": "carmichael", "params": {"bound": "10^6"}}
Tags = tuple[tuple[str, ...], ...]


def stage(name: str, *needs: str) -> dict[str, Any]:
    return {"id": name, **HONEST, "needs": list(needs)}


UNWANTED: list[tuple[str, dict[str, Any], Tags]] = [
    ("unknown_kernel", {"kernel": "nonesuch"}, ()),
    ("params", {"kernel": "carmichael", "params": {"bound": "10^40"}}, ()),
    ("params", {"kernel": "bpsw", "params": {"start": "2^65", "stop": "2^64"}}, ()),
    ("bad_bid", HONEST, (("bid", "-5", "credits"),)),
    ("bad_bid", HONEST, (("bid", "9" * 30, "credits"),)),
    ("cyclic_workflow", {"workflow": [stage("a", "b"), stage("b", "a")]}, ()),
    ("missing_dependency", {"workflow": [stage("a", "nowhere")]}, ()),
]


def job(market: UpMarket, content: object, *tags: tuple[str, ...], age_s: int = 0) -> Event:
    """Signed by a key of its own, so that one sender's limits do not hide another's faults."""
    text = content if isinstance(content, str) else json.dumps(content)
    to = (("p", market.ready["pubkey"]), *tags)
    return event_of(new_key(), Kind.JOB_REQUEST, text, tags=to, age_s=age_s)


def genuine(market: UpMarket, raw: dict[str, Any]) -> Event:
    """An event that the coordinator signed."""
    event = parse_event(msgspec.json.encode(raw))
    verify_event(event)
    assert event.pubkey == market.ready["pubkey"]
    return event


async def refusal(market: UpMarket, client: RawClient, event: Event) -> Feedback:
    """Publish, and wait for the coordinator's signed refusal."""
    await client.send("REQ", event.id, {"kinds": [Kind.FEEDBACK], "#e": [event.id]})
    assert await client.publish(event) == (True, "")
    while True:
        _, _, raw = await client.receive("EVENT")
        feedback = decode_feedback(genuine(market, raw))
        if feedback.request == event.id:
            assert feedback.phase == "refused"
            return feedback


async def result(market: UpMarket, client: RawClient, event: Event) -> JobResult:
    """Wait for the result of a job."""
    await client.send("REQ", "result", {"kinds": [Kind.JOB_RESULT], "#e": [event.id]})
    _, _, raw = await client.receive("EVENT")
    return decode_result(genuine(market, raw))


def accepted(market: UpMarket, event: Event) -> int:
    return sum(isinstance(entry, JobAccepted) and entry.job == event.id for entry in market.trail())


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("sig", "00" * 64, "signature"),
        ("id", "ab" * 32, "id"),
        ("content", "something else", "id"),
        ("pubkey", "zz" * 32, "pubkey"),
    ],
)
async def test_a_forged_event_stops_at_the_relay(
    market: UpMarket, field: str, value: str, reason: str
) -> None:
    forged = {**msgspec.to_builtins(job(market, HONEST)), field: value}
    async with RawClient(market.ready["relay"]) as client:
        await client.send("EVENT", forged)
        answer = await client.receive("OK", "NOTICE")
        assert answer[0] == "NOTICE" or answer[2] is False
        assert reason in answer[-1]
        assert await client.fetch({"ids": [forged["id"]]}) == []


@pytest.mark.parametrize(("code", "content", "tags"), UNWANTED)
async def test_a_job_that_cannot_be_done_is_refused_with_its_reason(
    market: UpMarket, code: str, content: dict[str, Any], tags: Tags
) -> None:
    async with RawClient(market.ready["relay"]) as client:
        event = job(market, content, *tags)
        feedback = await refusal(market, client, event)
    assert feedback.code == code
    assert len(feedback.reason) > 10
    assert accepted(market, event) == 0


async def test_a_job_of_twenty_minutes_ago_is_refused(market: UpMarket) -> None:
    async with RawClient(market.ready["relay"]) as client:
        feedback = await refusal(market, client, job(market, HONEST, age_s=STALE_S))
    assert feedback.code == "stale"
    assert "sign the event again" in feedback.reason


async def test_a_job_of_last_year_is_refused(market: UpMarket) -> None:
    async with RawClient(market.ready["relay"]) as client:
        ancient, honest = job(market, HONEST, age_s=YEAR_S), job(market, HONEST)
        feedback = await refusal(market, client, ancient)
        assert feedback.code == "stale"
        await client.publish(honest)
        assert (await result(market, client, honest)).request == honest.id
    assert accepted(market, ancient) == 0


async def test_a_job_of_next_year_stops_at_the_relay(market: UpMarket) -> None:
    async with RawClient(market.ready["relay"]) as client:
        taken, reason = await client.publish(job(market, HONEST, age_s=-YEAR_S))
    assert not taken
    assert "ahead" in reason


async def test_ten_megabytes_are_not_read(market: UpMarket) -> None:
    event = job(market, "x" * TEN_MEGABYTES)
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(market.ready["relay"]) as websocket,
    ):
        await websocket.send_str(f'["EVENT",{event.to_json().decode()}]')
        # It hangs up; whether its reason arrives depends on how much of ours is still on the way.
        answers = [json.loads(message.data)[0] async for message in websocket]
    assert answers == ["AUTH"]
    async with RawClient(market.ready["relay"]) as client:
        assert await client.fetch({"ids": [event.id]}) == []


async def test_an_event_that_comes_five_times_is_one_job(market: UpMarket) -> None:
    event = job(market, HONEST)
    async with RawClient(market.ready["relay"]) as client:
        answers = [await client.publish(event) for _ in range(5)]
        assert answers[0] == (True, "")
        assert all(taken and text.startswith("duplicate:") for taken, text in answers[1:])
        assert (await result(market, client, event)).request == event.id
    assert accepted(market, event) == 1
    escrowed = [
        entry
        for entry in market.trail()
        if isinstance(entry, TransferPosted) and (entry.reason, entry.job) == ("escrow", event.id)
    ]
    assert len(escrowed) == 1


async def test_an_honest_job_among_all_of_them_is_done(market: UpMarket) -> None:
    async with RawClient(market.ready["relay"]) as client:
        for _, content, tags in UNWANTED:
            await client.publish(job(market, content, *tags))
        honest = job(market, HONEST)
        await client.publish(honest)
        for _, content, tags in UNWANTED:
            await client.publish(job(market, content, *tags))
        await client.send("EVENT", {**msgspec.to_builtins(job(market, HONEST)), "sig": "00" * 64})
        done = await result(market, client, honest)
    assert json.loads(done.output)["count"] == CARMICHAEL_BELOW_10_TO_6
    assert market.audit()["differences"] == []
