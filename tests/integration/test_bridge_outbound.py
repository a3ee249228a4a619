"""What the coordinator says reaches every relay, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from newral_testing.bridges import answer, append_outgoing, migrated, running_bridge
from newral_testing.raw_client import RawClient
from newral_testing.relays import embedded_relay, free_port, javascript_relay
from newral_testing.scripted_relay import eventually, scripted_relay
from websockets.asyncio.server import ServerConnection, serve

from newral_relay_bridge.event_log import Entry
from newral_relay_bridge.postgres_log import PostgresLog
from newral_spec.event import Event
from newral_spec.kinds import Kind


@pytest.fixture
async def dsn(postgres_dsn: str) -> str:
    return await migrated(postgres_dsn)


async def stored(url: str) -> set[str]:
    async with RawClient(url) as client:
        return {event["id"] for event in await client.fetch({"kinds": [int(Kind.FEEDBACK)]})}


async def has_exactly(url: str, events: Sequence[Event]) -> bool:
    return await stored(url) == {event.id for event in events}


async def unfinished(dsn: str) -> list[tuple[str, str, str]]:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        cursor = await connection.execute(
            "SELECT relay, state, last_error FROM bridge.publications ORDER BY relay, event_id"
        )
        return [(relay, state, error) for relay, state, error in await cursor.fetchall()]


async def test_every_relay_gets_every_event(dsn: str, tmp_path: Path) -> None:
    answers = [answer(number) for number in range(100)]
    with (
        embedded_relay(tmp_path / "a") as a,
        embedded_relay(tmp_path / "b") as b,
        javascript_relay() as c,
    ):
        async with running_bridge(dsn, a.url, b.url, c.url) as desk:
            await eventually(lambda: desk.is_complete)
            await desk.publish(*answers, *answers)
            for relay in (a, b, c):
                await eventually(lambda url=relay.url: has_exactly(url, answers))
                assert desk.relay_status(relay.url)["published"] == len(answers)
        assert await unfinished(dsn) == []


async def test_a_relay_that_was_away_gets_what_it_missed(dsn: str, tmp_path: Path) -> None:
    port = free_port()
    away_url = f"ws://127.0.0.1:{port}"
    answers = [answer(number) for number in range(20)]
    with embedded_relay(tmp_path / "there") as there:
        async with running_bridge(dsn, there.url, away_url) as desk:
            await eventually(lambda: desk.relay_status(there.url).get("connected"))
            await desk.publish(*answers)
            await eventually(lambda: has_exactly(there.url, answers))
            await eventually(unfinished_count(dsn, len(answers)))
            with embedded_relay(tmp_path / "away", port=port) as away:
                await eventually(lambda: has_exactly(away.url, answers))
                await eventually(unfinished_count(dsn, 0))


def unfinished_count(dsn: str, count: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return len(await unfinished(dsn)) == count

    return check


async def test_a_killed_bridge_forgets_no_publication(dsn: str, tmp_path: Path) -> None:
    port = free_port()
    away_url = f"ws://127.0.0.1:{port}"
    answers = [answer(number) for number in range(150)]
    log = PostgresLog(dsn)
    with embedded_relay(tmp_path / "there") as there:
        for part in (answers[:50], answers[50:100], answers[100:]):
            async with bridge_to_be_killed(dsn, there.url, away_url):
                for event in part:
                    await append_outgoing(log, event)
                await eventually(has_one_of(there.url, part))
        with embedded_relay(tmp_path / "away", port=port) as away:
            async with running_bridge(dsn, there.url, away.url):
                await eventually(lambda: has_exactly(there.url, answers))
                await eventually(lambda: has_exactly(away.url, answers))
    await log.close()


@asynccontextmanager
async def bridge_to_be_killed(*arguments: str) -> AsyncIterator[None]:
    bridge = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "newral_testing.bridges",
        *arguments,
        stdin=subprocess.PIPE,
        cwd=Path(__file__).parents[1] / "support",
    )
    try:
        yield
    finally:
        bridge.kill()
        await bridge.wait()


def has_one_of(url: str, events: Sequence[Event]) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return not {event.id for event in events}.isdisjoint(await stored(url))

    return check


async def test_a_refusal_for_good_is_recorded_and_not_repeated(dsn: str) -> None:
    async with scripted_relay(lambda _: (False, "blocked: not you")) as strict:
        async with scripted_relay() as kind:
            async with running_bridge(dsn, strict.url, kind.url) as desk:
                await eventually(lambda: desk.is_complete)
                await desk.publish(answer(1))
                await eventually(unfinished_count(dsn, 1))
                assert await unfinished(dsn) == [(strict.url, "refused", "blocked: not you")]
                assert desk.relay_status(strict.url)["refused"] == 1
                assert len(kind.published) == 1
            async with running_bridge(dsn, strict.url, kind.url) as desk:
                await eventually(lambda: desk.is_complete)
                await asyncio.sleep(0.3)
        assert len(strict.published) == 1


async def test_a_passing_refusal_is_tried_again(dsn: str) -> None:
    tries = iter([(False, "rate-limited: slow down"), (True, "")])
    async with (
        scripted_relay(lambda _: next(tries)) as busy,
        running_bridge(dsn, busy.url) as desk,
    ):
        await eventually(lambda: desk.is_complete)
        await desk.publish(answer(1))
        await eventually(lambda: desk.relay_status(busy.url)["published"] == 1)
        await eventually(unfinished_count(dsn, 0))


async def test_a_relay_that_never_answers_delays_no_other(dsn: str) -> None:
    answers = [answer(number) for number in range(2000)]
    async with (
        scripted_relay(lambda _: None) as mute,
        scripted_relay() as other,
        running_bridge(dsn, mute.url, other.url) as desk,
    ):
        await eventually(lambda: desk.is_complete)
        await desk.publish(*answers)
        await eventually(lambda: len(other.published) == len(answers))
        await eventually(unfinished_count(dsn, len(answers)))
        assert {event.id for event in other.published} == {event.id for event in answers}
        assert desk.relay_status(mute.url)["published"] == 0


async def test_an_ephemeral_event_is_published_now_or_never(dsn: str) -> None:
    fresh, old = answer(1, Kind.LEASE), answer(2, Kind.LEASE, age_s=90)
    port = free_port()
    async with (
        scripted_relay() as there,
        running_bridge(dsn, there.url, f"ws://127.0.0.1:{port}") as desk,
    ):
        await eventually(lambda: desk.relay_status(there.url).get("connected"))
        await desk.publish(old, fresh)
        await eventually(lambda: there.published)
        await eventually(lambda: desk.status["outdated"] == 1)
        async with scripted_relay(port=port) as late:
            await eventually(lambda: desk.relay_status(late.url)["connected"])
            await asyncio.sleep(0.3)
            assert late.published == []
        assert there.published == [fresh]
        assert await unfinished(dsn) == []


async def test_a_requester_is_answered_on_its_own_relays(dsn: str) -> None:
    async with (
        scripted_relay() as ours,
        scripted_relay() as theirs,
        running_bridge(dsn, ours.url) as desk,
    ):
        await eventually(lambda: desk.is_complete)
        await desk.publish(answer(1), relays=(ours.url + "/", theirs.url, "http://x", "ws://"))
        await eventually(lambda: theirs.published)
        await desk.publish(answer(2), relays=(theirs.url,))
        await eventually(lambda: len(theirs.published) == 2)
        await eventually(unfinished_count(dsn, 0))
        assert len(ours.published) == 2
        assert theirs.requests == []


async def test_no_stranger_makes_us_connect_into_a_private_network(dsn: str) -> None:
    async with (
        scripted_relay() as ours,
        scripted_relay() as inside,
        running_bridge(dsn, ours.url, allow_private_relays=False) as desk,
    ):
        await desk.publish(answer(1), relays=(inside.url,))

        async def is_refused() -> bool:
            found = await unfinished(dsn)
            return (inside.url, "pending", "not a public address") in found

        await eventually(is_refused)
        assert inside.published == []


async def test_a_record_that_is_no_event_is_passed_over(dsn: str) -> None:
    log = PostgresLog(dsn)
    values = [b"", b"{}", b'{"event":{"id":7}}', b'{"event":[],"relays":3}', b"\xff"]
    await log.append("outbound", [Entry(key="", value=value) for value in values])
    async with scripted_relay() as relay, running_bridge(dsn, relay.url) as desk:
        await desk.publish(answer(1))
        await eventually(lambda: len(relay.published) == 1)
        assert desk.status["malformed"] == len(values)
    await log.close()


async def test_an_offer_leaves_soon(dsn: str) -> None:
    """Not a measurement: a poll instead of a notification would take a second each time."""
    async with scripted_relay() as relay, running_bridge(dsn, relay.url) as desk:
        await eventually(lambda: desk.is_complete)
        began = time.monotonic()
        for number in range(20):
            await desk.publish(answer(number, Kind.LEASE))
            await eventually(lambda count=number: len(relay.published) == count + 1)
        assert time.monotonic() - began < 10


async def test_an_extra_relay_that_hangs_up_is_not_called_back_at_once(dsn: str) -> None:
    calls = 0

    async def hang_up(websocket: ServerConnection) -> None:
        nonlocal calls
        calls += 1
        await websocket.close()

    async with scripted_relay() as ours, serve(hang_up, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        async with running_bridge(dsn, ours.url) as desk:
            await desk.publish(answer(1), relays=(url,))
            await eventually(lambda: calls > 0)
            await asyncio.sleep(2)
    assert calls < 10
