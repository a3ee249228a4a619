"""The relay's side of a session."""

from __future__ import annotations

import json
from typing import Any

import pytest

from newral_spec.event import Event, sign_event
from newral_spec.keys import SecretKey
from newral_spec.session import (
    Authenticated,
    CountStored,
    Filter,
    Publish,
    ServerLimits,
    ServerSession,
    Subscribe,
    Unsubscribe,
)

SECRET = SecretKey(b"\x01" * 32)
NOW = 1_000_000
URL = "ws://relay.example:7777"


def text(*parts: Any) -> str:
    return json.dumps([json.loads(p.to_json()) if isinstance(p, Event) else p for p in parts])


def sent(session: ServerSession) -> list[list[Any]]:
    return [json.loads(item) for item in session.outgoing()]


def session(*, require_auth: bool = False, subscriptions_max: int = 2) -> ServerSession:
    made = ServerSession(
        challenge="c",
        relay_urls=[URL],
        require_auth=require_auth,
        bounds=ServerLimits(subscriptions_max=subscriptions_max, filters_max=2),
    )
    assert sent(made) == [["AUTH", "c"]]
    return made


def answer(secret: SecretKey = SECRET, **changes: Any) -> Event:
    members = {"kind": 22242, "created_at": NOW, "relay": URL, "challenge": "c"} | changes
    return sign_event(
        secret,
        kind=members["kind"],
        created_at=members["created_at"],
        tags=[["relay", members["relay"]], ["challenge", members["challenge"]]],
    )


def test_requests_become_commands() -> None:
    relay = session()
    event = sign_event(SECRET, kind=1, created_at=NOW)
    query = (Filter(kinds=(1,)),)
    assert relay.receive(text("EVENT", event), NOW) == [Publish(event)]
    assert relay.receive(text("REQ", "s", {"kinds": [1]}), NOW) == [Subscribe("s", query)]
    assert relay.receive(text("COUNT", "c", {"kinds": [1]}), NOW) == [CountStored("c", query)]
    assert relay.receive(text("CLOSE", "s"), NOW) == [Unsubscribe("s")]
    assert relay.receive(text("CLOSE", "s"), NOW) == []
    assert sent(relay) == []


def test_answers_become_texts() -> None:
    relay = session()
    event = sign_event(SECRET, kind=1, created_at=NOW)
    relay.receive(text("REQ", "s", {}), NOW)
    relay.deliver("s", event.to_json())
    relay.eose("s")
    relay.ok(event.id, accepted=True)
    relay.count("c", 3)
    relay.notice("hello")
    relay.close("s", "error: over")
    assert sent(relay) == [
        ["EVENT", "s", json.loads(event.to_json())],
        ["EOSE", "s"],
        ["OK", event.id, True, ""],
        ["COUNT", "c", {"count": 3}],
        ["NOTICE", "hello"],
        ["CLOSED", "s", "error: over"],
    ]


def test_nothing_is_delivered_to_a_subscription_that_ended() -> None:
    relay = session()
    relay.receive(text("REQ", "s", {}), NOW)
    relay.receive(text("CLOSE", "s"), NOW)
    relay.deliver("s", b"{}")
    relay.eose("s")
    assert sent(relay) == []


def test_garbage_is_answered_and_never_raised() -> None:
    relay = session()
    relay.receive(text("REQ", "s", {}), NOW)
    assert relay.receive(b"\xff\xfe", NOW) == []
    assert relay.receive(text("EVENT", {"id": "ab" * 32}), NOW) == []
    assert relay.receive(text("REQ", "s", {"kinds": "all"}), NOW) == [Unsubscribe("s")]
    assert [message[0] for message in sent(relay)] == ["NOTICE", "OK", "CLOSED"]


def test_one_connection_has_so_many_subscriptions_and_filters() -> None:
    relay = session(subscriptions_max=1)
    assert relay.receive(text("REQ", "s", {}, {}, {}), NOW) == []
    assert relay.receive(text("REQ", "s", {}), NOW)
    assert relay.receive(text("REQ", "s", {"kinds": [1]}), NOW), "replacing is not one more"
    assert relay.receive(text("REQ", "t", {}), NOW) == []
    assert [message[:2] for message in sent(relay)] == [["CLOSED", "s"], ["CLOSED", "t"]]


def test_a_relay_that_requires_authentication_serves_only_the_authenticated() -> None:
    relay = session(require_auth=True)
    event = sign_event(SECRET, kind=1, created_at=NOW)
    for request in (text("EVENT", event), text("REQ", "s", {}), text("COUNT", "c", {})):
        assert relay.receive(request, NOW) == []
    assert all("auth-required: " in message[-1] for message in sent(relay))
    assert relay.receive(text("AUTH", answer()), NOW) == [Authenticated(SECRET.public_key)]
    assert relay.receive(text("EVENT", event), NOW) == [Publish(event)]


@pytest.mark.parametrize("relay_tag", [URL, f"{URL}/", "WS://RELAY.example:7777/path"])
def test_the_relay_is_recognised_by_host_and_port(relay_tag: str) -> None:
    assert session().receive(text("AUTH", answer(relay=relay_tag)), NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": 1},
        {"challenge": "another"},
        {"relay": "ws://evil.example:7777"},
        {"relay": "ws://relay.example"},
        {"relay": "ws://[malformed"},
        {"relay": ""},
        {"created_at": NOW - 3600},
        {"created_at": NOW + 3600},
    ],
)
def test_an_answer_to_another_question_authenticates_nobody(changes: dict[str, Any]) -> None:
    relay = session()
    assert relay.receive(text("AUTH", answer(**changes)), NOW) == []
    assert sent(relay)[0][2] is False
    assert relay.authenticated == set()


def test_a_forged_answer_authenticates_nobody() -> None:
    relay = session()
    victim = SecretKey(b"\x02" * 32).public_key
    good = json.loads(answer().to_json())
    assert relay.receive(json.dumps(["AUTH", good | {"pubkey": victim}]), NOW) == []
    assert relay.authenticated == set()


def test_an_authentication_is_no_event_to_publish() -> None:
    relay = session()
    assert relay.receive(text("EVENT", answer()), NOW) == []
    assert sent(relay)[0][2] is False
