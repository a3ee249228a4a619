"""Messages between clients and relays."""

from __future__ import annotations

import json

import pytest

from newral_spec import limits
from newral_spec.event import sign_event
from newral_spec.keys import SecretKey
from newral_spec.session import Filter, RemoteProtocolError, wire

EVENT = sign_event(SecretKey(b"\x01" * 32), kind=1, created_at=1000, content="é\n\x00")
ID = "ab" * 32


@pytest.mark.parametrize(
    "message",
    [
        wire.EventMessage(EVENT),
        wire.Req("s", (Filter(kinds=(1,)), Filter(tags={"p": ("x",)}, limit=0))),
        wire.CountRequest("c", (Filter(),)),
        wire.Close("s"),
        wire.Auth(EVENT),
    ],
)
def test_a_client_message_survives_the_wire(message: wire.ClientMessage) -> None:
    assert wire.parse_client_message(wire.serialise(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        wire.SubscribedEvent("s", EVENT),
        wire.Ok(ID, accepted=False, message="blocked: no"),
        wire.Eose("s"),
        wire.Closed("s", "error: why"),
        wire.Notice("hello"),
        wire.Challenge("random"),
        wire.Count("c", 12),
    ],
)
def test_a_relay_message_survives_the_wire(message: wire.RelayMessage) -> None:
    assert wire.parse_relay_message(wire.serialise(message).encode()) == message


@pytest.mark.parametrize("name", ["s", 'quote" and \\', "é\n"])
def test_an_event_that_is_json_already_is_delivered_as_if_serialised_here(name: str) -> None:
    assert wire.subscribed_event_text(name, EVENT.to_json()) == wire.serialise(
        wire.SubscribedEvent(name, EVENT)
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'["EVENT"',
        b'["EVENT","s",{"id":1}]',
        b'["EOSE",1]',
        b'["EOSE",""]',
        b'["OK","short",true,""]',
        b'["OK","' + ID.encode() + b'","true",""]',
        b'["COUNT","c",{"count":-1}]',
        b'["AUTH",""]',
        b'["HELLO"]',
        b'["NOTICE","\\ud800"]',
        b'["NOTICE","\xff"]',
        '["NOTICE","\ud800"]',
        b"[" * 200_000,
        b'["EVENT","s",' + b'{"a":' * 20_000,
        b'["NOTICE",' + b"1," * 100 + b"1]",
        b'["NOTICE","' + b"x" * limits.RELAY_MESSAGE_BYTES_MAX + b'"]',
    ],
)
def test_a_malformed_relay_message_is_the_relays_fault(raw: bytes | str) -> None:
    with pytest.raises(RemoteProtocolError):
        wire.parse_relay_message(raw)


def test_a_malformed_event_is_named_by_its_id_so_that_it_can_be_answered() -> None:
    raw = json.dumps(["EVENT", {"id": ID, "kind": "one"}])
    with pytest.raises(RemoteProtocolError) as refused:
        wire.parse_client_message(raw)
    assert refused.value.event_id == ID


def test_a_malformed_filter_is_named_by_its_subscription() -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        wire.parse_client_message('["REQ","s",{"kinds":"all"}]')
    assert refused.value.subscription == "s"


@pytest.mark.parametrize(
    ("message", "prefix"),
    [
        ("duplicate: seen", "duplicate"),
        ("auth-required: who?", "auth-required"),
        ("no reason", ""),
        ("two words: no", ""),
        ("", ""),
        (":", ""),
    ],
)
def test_the_machine_readable_prefix_is_the_word_before_the_colon(
    message: str, prefix: str
) -> None:
    assert wire.prefix_of(message) == prefix
