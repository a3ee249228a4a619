"""What every relay does: ours, one in Rust and one in JavaScript that nobody here wrote."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
from newral_testing import relays
from newral_testing.events import event_of, new_key
from newral_testing.raw_client import RawClient

from newral_spec.event import Event
from newral_spec.keys import SecretKey
from newral_spec.session import Filter
from newral_spec.transport import Answer, RelayPool

QUIET_S = 0.3
"""Long enough on loopback to trust that nothing more comes."""


@pytest.fixture(scope="module", params=["embedded", "rust", "javascript"])
def relay_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param == "embedded":
        relay = relays.embedded_relay(tmp_path_factory.mktemp("relay") / "events.db")
    elif request.param == "rust":
        relay = relays.rust_relay()
    else:
        relay = relays.javascript_relay()
    with relay:
        yield relay.url


@pytest.fixture
async def client(relay_url: str) -> AsyncIterator[RawClient]:
    async with RawClient(relay_url) as client:
        yield client


@pytest.fixture
def author() -> SecretKey:
    return new_key()


def as_json(*events: Event) -> list[dict[str, object]]:
    return [json.loads(event.to_json()) for event in events]


async def test_a_published_event_can_be_fetched_unchanged(
    client: RawClient, author: SecretKey
) -> None:
    event = event_of(author, 5990, 'é "quoted" \n\t', tags=[["i", "x", "text"], ["t", ""], ["q"]])
    assert await client.publish(event) == (True, "")
    assert await client.fetch({"ids": [event.id]}) == as_json(event)


async def test_a_repeated_event_is_accepted_and_stored_once(
    client: RawClient, author: SecretKey
) -> None:
    event = event_of(author, 5990)
    await client.publish(event)
    accepted, _ = await client.publish(event)
    assert accepted
    assert await client.fetch({"authors": [author.public_key]}) == as_json(event)


async def test_a_forged_event_is_refused(client: RawClient, author: SecretKey) -> None:
    event = event_of(author, 5990, "true")
    other = event_of(author, 5990, "other")
    for forged in (
        Event(event.id, event.pubkey, event.created_at, 5990, (), "true", other.sig),
        Event(event.id, event.pubkey, event.created_at, 5990, (), "false", event.sig),
    ):
        accepted, message = await client.publish(forged)
        assert not accepted
        assert message.startswith("invalid:")
    assert await client.fetch({"authors": [author.public_key]}) == []


async def test_filters_select(client: RawClient, author: SecretKey) -> None:
    mine = {"authors": [author.public_key]}
    first = event_of(author, 5990, "1", age_s=30, tags=[["t", "prime"], ["p", "aa" * 32]])
    second = event_of(author, 5990, "2", age_s=20, tags=[["t", "carmichael"]])
    third = event_of(author, 7000, "3", age_s=10, tags=[["e", first.id]])
    for event in (second, third, first):
        await client.publish(event)

    async def contents(*filters: dict[str, object]) -> list[object]:
        return [event["content"] for event in await client.fetch(*filters)]

    assert await contents(mine) == ["3", "2", "1"]
    assert await contents(mine | {"kinds": [5990]}) == ["2", "1"]
    assert await contents(mine | {"limit": 1}) == ["3"]
    assert await contents(mine | {"limit": 0}) == []
    assert await contents({"ids": [second.id]}) == ["2"]
    assert await contents(mine | {"#t": ["prime", "other"]}) == ["1"]
    assert await contents(mine | {"#t": ["prime"], "#p": ["bb" * 32]}) == []
    assert await contents({"#e": [first.id]}) == ["3"]
    assert await contents(mine | {"since": second.created_at}) == ["3", "2"]
    assert await contents(mine | {"until": second.created_at}) == ["2", "1"]
    assert sorted(map(str, await contents({"ids": [first.id]}, mine | {"kinds": [7000]}))) == [
        "1",
        "3",
    ]


async def test_a_live_event_reaches_the_subscriptions_that_match(
    relay_url: str, client: RawClient, author: SecretKey
) -> None:
    await client.send("REQ", "match", {"kinds": [5990], "authors": [author.public_key]})
    await client.send("REQ", "other", {"kinds": [7000], "authors": [author.public_key]})
    for _ in range(2):
        await client.receive("EOSE")
    event = event_of(author, 5990)
    async with RawClient(relay_url) as publisher:
        await publisher.publish(event)
    assert await client.receive("EVENT") == ["EVENT", "match", *as_json(event)]


async def test_a_closed_subscription_is_silent(
    relay_url: str, client: RawClient, author: SecretKey
) -> None:
    await client.send("REQ", "s", {"authors": [author.public_key]})
    await client.receive("EOSE")
    await client.send("CLOSE", "s")
    async with RawClient(relay_url) as publisher:
        await asyncio.sleep(QUIET_S)
        await publisher.publish(event_of(author, 5990))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.receive("EVENT"), QUIET_S)


async def test_an_ephemeral_event_is_delivered_and_not_stored(
    relay_url: str, client: RawClient, author: SecretKey
) -> None:
    await client.send("REQ", "s", {"kinds": [25990], "authors": [author.public_key]})
    await client.receive("EOSE")
    event = event_of(author, 25990)
    async with RawClient(relay_url) as publisher:
        accepted, _ = await publisher.publish(event)
        assert accepted
        assert await client.receive("EVENT") == ["EVENT", "s", *as_json(event)]
        assert await publisher.fetch({"ids": [event.id]}) == []


@pytest.mark.parametrize(("kind", "tags"), [(10002, []), (31990, [["d", "handler"]])])
async def test_only_the_newest_of_a_replaceable_event_is_kept(
    client: RawClient, author: SecretKey, kind: int, tags: list[list[str]]
) -> None:
    for age_s in (20, 10, 30):
        await client.publish(event_of(author, kind, str(age_s), tags=tags, age_s=age_s))
    await client.publish(event_of(author, 31990, "another address", tags=[["d", "other"]]))
    kept = await client.fetch({"kinds": [kind], "authors": [author.public_key]})
    assert "10" in [event["content"] for event in kept]
    assert not {"20", "30"} & {event["content"] for event in kept}


async def test_of_two_versions_of_the_same_second_the_lower_id_is_kept(
    client: RawClient, author: SecretKey
) -> None:
    versions = [event_of(author, 31990, str(i), tags=[["d", "x"]], age_s=5) for i in range(4)]
    same_second = [event for event in versions if event.created_at == versions[0].created_at]
    for event in same_second:
        await client.publish(event)
    [kept] = await client.fetch({"kinds": [31990], "authors": [author.public_key]})
    assert kept["id"] == min(event.id for event in same_second)


@pytest.mark.parametrize("garbage", ["{", '["EVENT"', "[]", '["HELLO"]', '["REQ","x",5]', "1"])
async def test_garbage_costs_a_message_and_not_the_connection(
    client: RawClient, author: SecretKey, garbage: str
) -> None:
    await client.websocket.send(garbage)
    accepted, _ = await client.publish(event_of(author, 5990))
    assert accepted


async def test_a_pool_publishes_subscribes_and_fetches(relay_url: str, author: SecretKey) -> None:
    received: asyncio.Queue[Event] = asyncio.Queue()
    mine = (Filter(kinds=(5990,), authors=(author.public_key,)),)
    async with RelayPool([relay_url], on_event=lambda _, event: received.put(event)) as pool:
        await pool.subscribe("mine", mine)
        events = [event_of(author, 5990, str(number)) for number in range(20)]
        outcomes = await asyncio.gather(*(pool.publish(event) for event in events))
        assert {answer.answer for outcome in outcomes for answer in outcome.values()} == {
            Answer.ACCEPTED
        }
        async with asyncio.timeout(10):
            live = {(await received.get()).id for _ in events}
        assert live == {event.id for event in events}
        assert {event.id for event in await pool.fetch(mine)} == live


async def test_a_pool_fetches_more_than_the_relay_returns_at_once(
    relay_url: str, author: SecretKey
) -> None:
    events = [event_of(author, 5990, str(number), age_s=number // 3) for number in range(700)]
    async with RelayPool([relay_url]) as pool:
        await asyncio.gather(*(pool.publish(event) for event in events))
        found = await pool.fetch((Filter(kinds=(5990,), authors=(author.public_key,)),))
    assert {event.id for event in found} == {event.id for event in events}
    assert found == sorted(found, key=lambda event: (-event.created_at, event.id))
