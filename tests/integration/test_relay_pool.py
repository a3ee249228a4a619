"""The relay pool against relays that die, repeat, and lie."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from newral_testing import relays
from newral_testing.events import event_of, new_key
from newral_testing.hostile_relay import hostile_relay
from newral_testing.raw_client import RawClient
from websockets.asyncio.server import ServerConnection

from newral_spec import limits
from newral_spec.event import Event
from newral_spec.keys import SecretKey
from newral_spec.session import Filter, LocalProtocolError
from newral_spec.transport import (
    Answer,
    InvalidRelayUrl,
    RelayPool,
    RelayUnavailable,
    normalise_relay_url,
)
from newral_spec.transport.relay_connection import DISCARDED_MESSAGE_BYTES_MAX, VIOLATIONS_MAX

JOBS = (Filter(kinds=(5990,)),)
UNREACHABLE = "ws://127.0.0.1:9"
"""The discard port: nobody listens."""


class Collector:
    """Remembers what was received, and lets a test wait for it."""

    def __init__(self) -> None:
        self.contents: list[str] = []
        self._changed = asyncio.Event()

    def __call__(self, subscription: str, event: Event) -> None:
        self.contents.append(event.content)
        self._changed.set()

    async def wait_for(self, is_enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not is_enough():
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
def author() -> SecretKey:
    return new_key()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[relays.RelayProcess]:
    with relays.embedded_relay(tmp_path / "events.db") as process:
        yield process


async def publish_elsewhere(url: str, *events: Event) -> None:
    async with RawClient(url) as client:
        for event in events:
            assert (await client.publish(event))[0]


async def test_a_subscription_survives_kill_9_of_the_relay_and_misses_nothing(
    tmp_path: Path, author: SecretKey
) -> None:
    database, port = tmp_path / "events.db", relays.free_port()
    received = Collector()
    relay = relays.embedded_relay(database, port=port)
    async with RelayPool([relay.url], on_event=received) as pool:
        await pool.subscribe("jobs", JOBS)
        await publish_elsewhere(relay.url, event_of(author, 5990, "before"))
        await received.wait_for(lambda: "before" in received.contents)
        relay.kill()
        with relays.embedded_relay(database, port=port) as relay:
            # Before the pool is back, or after it: the subscription looks back.
            await publish_elsewhere(relay.url, event_of(author, 5990, "meanwhile", age_s=60))
            await received.wait_for(lambda: "meanwhile" in received.contents)
            await publish_elsewhere(relay.url, event_of(author, 5990, "after"))
            await received.wait_for(lambda: "after" in received.contents)
    assert received.contents == ["before", "meanwhile", "after"]


async def test_a_publication_survives_a_restart_of_the_relay(
    tmp_path: Path, author: SecretKey
) -> None:
    database, port = tmp_path / "events.db", relays.free_port()
    relay = relays.embedded_relay(database, port=port)
    event = event_of(author, 5990)
    async with RelayPool([relay.url]) as pool:
        await pool.fetch(JOBS)
        relay.kill()
        publishing = asyncio.create_task(pool.publish(event, timeout_s=30))
        with relays.embedded_relay(database, port=port) as relay:
            assert (await publishing)[relay.url].is_accepted
            assert await pool.fetch(JOBS) == [event]


async def test_an_event_on_two_relays_is_received_once(tmp_path: Path, author: SecretKey) -> None:
    received = Collector()
    with (
        relays.embedded_relay(tmp_path / "a.db") as first,
        relays.embedded_relay(tmp_path / "b.db") as second,
    ):
        urls = [first.url, second.url]
        async with RelayPool(urls, on_event=received) as pool:
            await pool.subscribe("jobs", JOBS)
            for number in range(20):
                event = event_of(author, 5990, str(number))
                outcome = await pool.publish(event, minimum=2)
                assert all(answer.is_accepted for answer in outcome.values())
            assert len(await pool.fetch(JOBS)) == 20
    assert sorted(received.contents, key=int) == [str(number) for number in range(20)]


async def test_one_dead_relay_holds_up_nothing(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    event = event_of(author, 5990)
    async with RelayPool([UNREACHABLE, relay.url]) as pool:
        outcome = await pool.publish(event)
        assert outcome[relay.url].is_accepted
        assert outcome[UNREACHABLE].answer is Answer.PENDING
        assert await pool.fetch(JOBS) == [event]
        assert pool.relays[relay.url].connected
        assert pool.relays[UNREACHABLE].last_error


async def test_when_no_relay_can_be_reached_it_is_said(author: SecretKey) -> None:
    async with RelayPool([UNREACHABLE]) as pool:
        outcome = await pool.publish(event_of(author, 5990), timeout_s=0.3)
        assert outcome[UNREACHABLE].answer is Answer.UNREACHABLE
        with pytest.raises(TimeoutError):
            await pool.fetch(JOBS, timeout_s=0.3)


async def test_a_refusal_reaches_the_caller(relay: relays.RelayProcess, author: SecretKey) -> None:
    async with RelayPool([relay.url]) as pool:
        outcome = await pool.publish(event_of(author, 25990, age_s=1000))
    assert outcome[relay.url].answer is Answer.REFUSED
    assert outcome[relay.url].message.startswith("invalid:")


async def test_a_relay_that_asks_who_we_are_is_told(tmp_path: Path, author: SecretKey) -> None:
    event = event_of(author, 5990)
    with relays.embedded_relay(tmp_path / "events.db", require_auth=True) as relay:
        async with RelayPool([relay.url], secret=author) as pool:
            assert (await pool.publish(event))[relay.url].is_accepted
            assert await pool.fetch(JOBS) == [event]
        async with RelayPool([relay.url]) as stranger:
            outcome = await stranger.publish(event)
            assert outcome[relay.url].answer is Answer.REFUSED
            with pytest.raises(RelayUnavailable, match="auth-required"):
                await stranger.fetch(JOBS)


async def test_relays_come_and_go(tmp_path: Path, author: SecretKey) -> None:
    received = Collector()
    with relays.embedded_relay(tmp_path / "events.db") as relay:
        async with RelayPool([UNREACHABLE], on_event=received) as pool:
            await pool.subscribe("jobs", JOBS)
            await pool.add(relay.url)
            await pool.remove(UNREACHABLE)
            outcome = await pool.publish(event_of(author, 5990, "found"))
            assert list(outcome) == [relay.url]
            await received.wait_for(lambda: received.contents == ["found"])
            await pool.unsubscribe("jobs")


async def test_a_slow_handler_loses_nothing(relay: relays.RelayProcess, author: SecretKey) -> None:
    received = Collector()

    async def slow(subscription: str, event: Event) -> None:
        await asyncio.sleep(0.002)
        received(subscription, event)

    async with RelayPool([relay.url], on_event=slow) as reader, RelayPool([relay.url]) as writer:
        await reader.subscribe("jobs", JOBS)
        await asyncio.gather(
            *(writer.publish(event_of(author, 5990, str(number))) for number in range(500))
        )
        await received.wait_for(lambda: len(received.contents) >= 500)
    assert len(set(received.contents)) == len(received.contents) == 500


async def test_a_handler_cannot_wait_for_the_relay_that_called_it(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    failures: asyncio.Queue[LocalProtocolError] = asyncio.Queue()

    async def publishing(_: str, event: Event) -> None:
        try:
            await pool.publish(event_of(author, 7000))
        except LocalProtocolError as error:
            await failures.put(error)

    pool = RelayPool([relay.url], on_event=publishing)
    async with pool:
        await pool.subscribe("jobs", JOBS)
        await pool.publish(event_of(author, 5990))
        assert "handler" in str(await asyncio.wait_for(failures.get(), 10))


async def test_a_failing_handler_is_logged_and_the_next_event_arrives(
    relay: relays.RelayProcess, author: SecretKey, caplog: pytest.LogCaptureFixture
) -> None:
    received = Collector()

    def failing(subscription: str, event: Event) -> None:
        received(subscription, event)
        raise RuntimeError("the handler's own fault")

    async with RelayPool([relay.url], on_event=failing) as pool:
        await pool.subscribe("jobs", JOBS)
        with caplog.at_level(logging.ERROR):
            for content in "ab":
                await pool.publish(event_of(author, 5990, content))
            await received.wait_for(lambda: received.contents == ["a", "b"])
    assert "the handler's own fault" in caplog.text


async def test_forged_events_are_dropped_and_their_relay_is_left(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    true = event_of(author, 5990, "true")
    other = event_of(author, 5990, "other")
    forged = [
        Event(true.id, true.pubkey, true.created_at, 5990, (), "false", true.sig),
        Event(true.id, true.pubkey, true.created_at, 5990, (), "true", other.sig),
        Event("00" * 32, true.pubkey, true.created_at, 5990, (), "true", true.sig),
        Event(true.id, new_key().public_key, true.created_at, 5990, (), "true", true.sig),
    ]
    hung_up = asyncio.Event()

    async def forge(websocket: ServerConnection, subscription: str) -> None:
        try:
            while True:
                for event in forged:
                    # A new id each time, as a repeated one is dropped unseen.
                    unique = json.loads(event.to_json()) | {"id": new_key().public_key}
                    await websocket.send(json.dumps(["EVENT", subscription, unique]))
                    await websocket.send(f'["EVENT","{subscription}",{event.to_json().decode()}]')
        finally:
            hung_up.set()

    received = Collector()
    async with (
        hostile_relay(forge) as liar,
        RelayPool([liar, relay.url], on_event=received) as pool,
    ):
        await pool.subscribe("jobs", JOBS)
        await asyncio.wait_for(hung_up.wait(), 10)
        await publish_elsewhere(relay.url, true)
        await received.wait_for(lambda: bool(received.contents))
        assert received.contents == ["true"]
        assert pool.dropped[liar] > VIOLATIONS_MAX // 2
        assert pool.dropped[relay.url] == 0


async def test_malformed_messages_cost_themselves_only(author: SecretKey) -> None:
    true = event_of(author, 5990, "true").to_json().decode()

    async def garble(websocket: ServerConnection, subscription: str) -> None:
        for garbage in (
            "{",
            "[]",
            '["EVENT"]',
            f'["EVENT","{subscription}",{{"id":"\\ud800"}}]',
            f'["EVENT","{subscription}",{true[:-2]}]',
            '["OK","no id",true,""]',
            "[" * 50_000,
        ):
            await websocket.send(garbage)
        await websocket.send(b'["NOTICE","\xff\xfe"]', text=True)
        await websocket.send(b"\x00\x01")
        await websocket.send(f'["EVENT","{subscription}",{true}]')

    received = Collector()
    async with hostile_relay(garble) as url, RelayPool([url], on_event=received) as pool:
        await pool.subscribe("jobs", JOBS)
        await received.wait_for(lambda: received.contents == ["true"])
        assert pool.relays[url].connected


async def test_a_large_message_costs_itself_only(author: SecretKey) -> None:
    event = event_of(author, 5990)

    async def exceed(websocket: ServerConnection, subscription: str) -> None:
        await websocket.send('["NOTICE","' + "x" * limits.RELAY_MESSAGE_BYTES_MAX + '"]')
        await websocket.send(f'["EVENT","{subscription}",{event.to_json().decode()}]')
        await websocket.send(f'["EOSE","{subscription}"]')

    async with hostile_relay(exceed) as url, RelayPool([url]) as pool:
        assert await pool.fetch(JOBS) == [event]


async def test_a_giant_message_costs_the_connection_only(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    async def flood(websocket: ServerConnection, subscription: str) -> None:
        await websocket.send('["NOTICE","' + "x" * DISCARDED_MESSAGE_BYTES_MAX + '"]')

    async with hostile_relay(flood) as giant, RelayPool([giant, relay.url]) as pool:
        event = event_of(author, 5990)
        await publish_elsewhere(relay.url, event)
        assert await pool.fetch(JOBS, timeout_s=60) == [event]


async def test_a_relay_that_never_ends_does_not_hold_up_a_fetch_for_ever(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    spam = [event_of(author, 5990, str(number)) for number in range(50)]
    true = event_of(author, 5990, "true")

    async def endless(websocket: ServerConnection, subscription: str) -> None:
        while True:
            for event in spam:
                await websocket.send(f'["EVENT","{subscription}",{event.to_json().decode()}]')

    await publish_elsewhere(relay.url, true)
    async with hostile_relay(endless) as url, RelayPool([url, relay.url]) as pool:
        assert true in await pool.fetch(JOBS, timeout_s=1)


@pytest.mark.parametrize(
    "url",
    [
        "http://relay.example",
        "relay.example",
        "ws://",
        "ws://user@relay.example",
        "ws://relay.example/#part",
        "ws://relay.example:port",
        "ws://relay.example/ path",
        "ws://relay.example/" + "x" * 1000,
        "ws://relay.example\n",
    ],
)
def test_what_is_no_relays_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidRelayUrl):
        RelayPool([url])


def test_a_relays_url_has_one_form() -> None:
    assert normalise_relay_url("WSS://Relay.Example:443/path/") == "wss://relay.example:443/path"
    assert normalise_relay_url("ws://[::1]:7777") == "ws://[::1]:7777"
