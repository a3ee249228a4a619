"""The embedded relay as a process: what it promises beyond what every relay does."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nostr_sdk
import psutil
import pytest
from newral_testing import relays
from newral_testing.events import event_of, new_key
from newral_testing.javascript import NODE
from newral_testing.raw_client import RawClient
from websockets.exceptions import ConnectionClosedError

from newral_spec import limits
from newral_spec.event import sign_event
from newral_spec.keys import SecretKey

RSS_BYTES_MAX = 45 * 1024 * 1024
"""What the idle relay may take: about 31 MB are usual."""


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[relays.RelayProcess]:
    with relays.embedded_relay(tmp_path_factory.mktemp("relay") / "events.db") as process:
        yield process


@pytest.fixture
def author() -> SecretKey:
    return new_key()


def get(url: str, accept: str) -> tuple[str, Any, str]:
    request = urllib.request.Request(url.replace("ws:", "http:"), headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as response:
        headers = response.headers
        return headers["Content-Type"], headers["Access-Control-Allow-Origin"], response.read()


async def authenticate(client: RawClient, url: str, author: SecretKey) -> None:
    _, challenge = await client.receive("AUTH")
    tags = [["relay", url], ["challenge", challenge]]
    answer = event_of(author, 22242, tags=tags)
    await client.send("AUTH", json.loads(answer.to_json()))
    assert await client.receive("OK") == ["OK", answer.id, True, ""]


def test_the_information_document_tells_the_limits(relay: relays.RelayProcess) -> None:
    media_type, origin, body = get(relay.url, "application/nostr+json")
    assert (media_type, origin) == ("application/nostr+json", "*")
    document = json.loads(body)
    assert {1, 9, 11, 40, 42, 45, 70} <= set(document["supported_nips"])
    assert document["limitation"]["max_message_length"] == limits.RELAY_MESSAGE_BYTES_MAX
    assert document["limitation"]["auth_required"] is False


def test_a_browser_gets_a_plain_page(relay: relays.RelayProcess) -> None:
    media_type, _, body = get(relay.url, "text/html")
    assert media_type.startswith("text/plain")
    assert b"Nostr" in body


async def test_the_advertised_limits_are_enforced(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    limitation = json.loads(get(relay.url, "application/nostr+json")[2])["limitation"]
    async with RawClient(relay.url) as client:
        large = "x" * (limitation["max_content_length"] + 1)
        tagged = [["t", str(n)] for n in range(limitation["max_event_tags"] + 1)]
        ahead = -limitation["created_at_upper_limit"] - 60
        for event in (
            event_of(author, 5990, large),
            event_of(author, 5990, tags=tagged),
            event_of(author, 5990, age_s=ahead),
        ):
            accepted, message = await client.publish(event)
            assert (accepted, message.partition(":")[0]) == (False, "invalid")
        for number in range(limitation["max_subscriptions"]):
            await client.send("REQ", str(number), {"kinds": [5990], "limit": 0})
            await client.receive("EOSE")
        await client.send("REQ", "one more", {"kinds": [5990]})
        assert (await client.receive("CLOSED", "EOSE"))[0] == "CLOSED"
        await client.send("CLOSE", "0")
        await client.send("REQ", "x" * (limitation["max_subid_length"] + 1), {"kinds": [5990]})
        assert (await client.receive("NOTICE", "EOSE"))[0] == "NOTICE"
        await client.websocket.send('["' + "x" * limitation["max_message_length"] + '"]')
        with pytest.raises(ConnectionClosedError):
            await client.receive("NOTICE")


async def test_a_deletion_removes_its_authors_events_for_good(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    stranger = new_key()
    note = event_of(author, 1, "note")
    handler = event_of(author, 31990, "old", tags=[["d", "x"]], age_s=100)
    handler_address = f"31990:{author.public_key}:x"
    async with RawClient(relay.url) as client:
        for event in (note, handler):
            await client.publish(event)
        await client.publish(event_of(stranger, 5, tags=[["e", note.id], ["a", handler_address]]))
        assert len(await client.fetch({"ids": [note.id, handler.id]})) == 2, "not a stranger's"
        deletion = event_of(author, 5, tags=[["e", note.id], ["a", handler_address]], age_s=50)
        await client.publish(deletion)
        assert await client.fetch({"ids": [note.id, handler.id]}) == []
        for event in (note, handler):
            accepted, message = await client.publish(event)
            assert (accepted, message.partition(":")[0]) == (False, "blocked")
        newer = event_of(author, 31990, "new", tags=[["d", "x"]])
        assert await client.publish(newer) == (True, "")
        await client.publish(event_of(author, 5, tags=[["e", deletion.id]]))
        assert len(await client.fetch({"ids": [deletion.id]})) == 1, "deletions stay"


async def test_an_event_may_be_deleted_before_it_arrives(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    note = event_of(author, 1, "note")
    async with RawClient(relay.url) as client:
        await client.publish(event_of(author, 5, tags=[["e", note.id]]))
        accepted, _ = await client.publish(note)
        assert not accepted


async def test_an_expired_event_is_neither_taken_nor_served(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    expiry = int(time.time()) + 2
    brief = event_of(author, 5990, tags=[["expiration", str(expiry)]])
    late = event_of(author, 5990, tags=[["expiration", str(expiry - 10)]])
    async with RawClient(relay.url) as client:
        assert await client.publish(brief) == (True, "")
        accepted, message = await client.publish(late)
        assert (accepted, message) == (False, "invalid: the event has expired")
        assert len(await client.fetch({"ids": [brief.id]})) == 1
        await asyncio.sleep(expiry + 0.1 - time.time())
        assert await client.fetch({"ids": [brief.id]}) == []
        await client.send("COUNT", "c", {"ids": [brief.id]})
        assert await client.receive("COUNT") == ["COUNT", "c", {"count": 0}]


async def test_a_stale_ephemeral_event_is_refused(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    async with RawClient(relay.url) as client:
        assert (await client.publish(event_of(author, 25990, age_s=50)))[0]
        assert not (await client.publish(event_of(author, 25990, age_s=70)))[0]


async def test_a_protected_event_is_taken_from_its_author_only(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    event = event_of(author, 1, tags=[["-"]])
    async with RawClient(relay.url) as client:
        assert (await client.publish(event))[1].startswith("auth-required:")
    for key, accepted in ((new_key(), False), (author, True)):
        async with RawClient(relay.url) as client:
            await authenticate(client, relay.url, key)
            assert (await client.publish(event))[0] is accepted


async def test_a_relay_may_serve_the_authenticated_only(tmp_path: Path, author: SecretKey) -> None:
    with relays.embedded_relay(tmp_path / "events.db", require_auth=True) as relay:
        event = event_of(author, 1)
        async with RawClient(relay.url) as client:
            await client.send("REQ", "s", {})
            closed = await client.receive("CLOSED", "EOSE")
            assert closed[2].startswith("auth-required:")
            assert (await client.publish(event))[1].startswith("auth-required:")
        async with RawClient(relay.url) as client:
            await authenticate(client, relay.url.replace("127.0.0.1", "localhost"), author)
            assert await client.publish(event) == (True, "")
            assert len(await client.fetch({})) == 1


async def test_counting_unites_the_filters(relay: relays.RelayProcess, author: SecretKey) -> None:
    async with RawClient(relay.url) as client:
        for kind in (1, 1, 5990):
            await client.publish(event_of(author, kind, str(new_key().public_key)))
        mine = {"authors": [author.public_key]}
        await client.send("COUNT", "c", mine | {"kinds": [1]}, mine)
        assert await client.receive("COUNT") == ["COUNT", "c", {"count": 3}]


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, author: SecretKey) -> None:
    database = tmp_path / "events.db"
    acknowledged: set[str] = set()
    relay = relays.embedded_relay(database)
    async with RawClient(relay.url) as client:
        for number in range(400):
            await client.send("EVENT", json.loads(event_of(author, 1, str(number)).to_json()))
        while len(acknowledged) < 150:
            acknowledged.add((await client.receive("OK"))[1])
        relay.kill()
    with relays.embedded_relay(database) as again:
        async with RawClient(again.url) as client:
            stored = {event["id"] for event in await client.fetch({"kinds": [1]})}
    assert acknowledged <= stored


async def test_every_event_is_either_stored_or_live_for_a_new_subscription(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    events = [event_of(author, 5990, str(number)) for number in range(300)]
    async with RawClient(relay.url) as publisher, RawClient(relay.url) as reader:

        async def publish() -> None:
            for event in events:
                await publisher.send("EVENT", json.loads(event.to_json()))
            for _ in events:
                await publisher.receive("OK")

        publishing = asyncio.create_task(publish())
        for number in range(10):
            await reader.send("REQ", str(number), {"authors": [author.public_key]})
            await asyncio.sleep(0.01)
        await publishing
        received: dict[str, list[str]] = {str(number): [] for number in range(10)}
        while any(len(ids) < len(events) for ids in received.values()):
            _, name, event_json = await reader.receive("EVENT")
            received[name].append(event_json["id"])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.receive("EVENT"), 0.3)
    for ids in received.values():
        assert sorted(ids) == sorted(event.id for event in events), "each once"


async def test_a_subscriber_that_reads_slowly_loses_nothing(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    events = [event_of(author, 5990, str(n) + "x" * 40_000) for n in range(150)]
    async with RawClient(relay.url) as publisher, RawClient(relay.url) as reader:
        await reader.send("REQ", "s", {"authors": [author.public_key]})
        await reader.receive("EOSE")

        async def publish() -> None:
            for event in events:
                assert (await publisher.publish(event))[0]

        publishing = asyncio.create_task(publish())
        for event in events:
            assert (await reader.receive("EVENT"))[2]["id"] == event.id
            await asyncio.sleep(0.002)
        await publishing


async def test_a_subscriber_that_does_not_read_is_hung_up_on_and_stops_nobody(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    async with RawClient(relay.url) as publisher, RawClient(relay.url) as idle:
        await idle.send("REQ", "s", {"authors": [author.public_key]})
        await idle.receive("EOSE")
        idle.websocket.transport.pause_reading()
        for number in range(200):
            accepted, _ = await publisher.publish(
                event_of(author, 25990, str(number) + "x" * 60_000)
            )
            assert accepted
        idle.websocket.transport.resume_reading()
        with pytest.raises(ConnectionClosedError):
            await idle.receive("no such message")


def test_the_idle_relay_is_small(tmp_path: Path) -> None:
    with relays.embedded_relay(tmp_path / "events.db") as relay:
        assert psutil.Process(relay.pid).memory_info().rss < RSS_BYTES_MAX


async def test_a_client_in_rust_publishes_and_fetches(relay: relays.RelayProcess) -> None:
    keys = nostr_sdk.Keys.generate()
    client = nostr_sdk.ClientBuilder().build()
    url = nostr_sdk.RelayUrl.parse(relay.url)
    await client.add_relay(url)
    await client.connect()
    event = nostr_sdk.EventBuilder(nostr_sdk.Kind(5990), "from Rust").finalize(keys)
    sent = await client.send_event(event)
    assert str(url) in {str(accepted) for accepted in sent.success}
    query = nostr_sdk.Filter().author(keys.public_key()).kind(nostr_sdk.Kind(5990))
    found = await client.fetch_events(nostr_sdk.ReqTarget.auto([query]))
    assert [item.content() for item in found] == ["from Rust"]
    await client.shutdown()


def test_a_client_in_javascript_subscribes_publishes_authenticates_and_counts(
    tmp_path: Path,
) -> None:
    with relays.embedded_relay(tmp_path / "events.db") as relay:
        finished = subprocess.run(
            [NODE, relays.foreign_packages() / "client.mjs", relay.url],
            capture_output=True,
            check=True,
            timeout=30,
        )
    report = json.loads(finished.stdout)
    assert report["received"] == "a job"
    assert report["stored"] == ["a job"]
    assert report["count"] == 1


async def test_a_version_of_the_same_address_cannot_be_taken_by_another_key(
    relay: relays.RelayProcess, author: SecretKey
) -> None:
    mine = sign_event(author, kind=31990, created_at=int(time.time()) - 9, tags=[["d", "same"]])
    async with RawClient(relay.url) as client:
        await client.publish(mine)
        await client.publish(event_of(new_key(), 31990, tags=[["d", "same"]]))
        assert len(await client.fetch({"ids": [mine.id]})) == 1
