"""Records of the topic of outgoing events, and where a requester may send us."""

from __future__ import annotations

import msgspec
import pytest

from newral_relay_bridge.extra_relays import is_public
from newral_relay_bridge.outbound import InvalidOutgoing, parse_outgoing
from newral_spec.event import sign_event
from newral_spec.keys import SecretKey

EVENT = sign_event(SecretKey(b"\x11" * 32), kind=7000, created_at=1_800_000_000)


def record(**members: object) -> bytes:
    return msgspec.json.encode({"event": EVENT, **members})


def test_relays_are_normalised_and_those_that_are_none_left_out() -> None:
    urls = ["WSS://Relay.Example/", "wss://relay.example", "http://relay.example", "ws://", "x\ny"]
    assert parse_outgoing(record(relays=urls)) == (EVENT, ["wss://relay.example"])
    assert parse_outgoing(record()) == (EVENT, [])


def test_more_relays_than_a_job_may_name_are_left_out() -> None:
    urls = [f"wss://relay-{number}.example" for number in range(20)]
    assert parse_outgoing(record(relays=urls))[1] == urls[:8]


@pytest.mark.parametrize(
    "value", [b"", b"null", b"{}", b'{"event":{}}', record(relays="x"), b"\xff", b"[" * 100_000]
)
def test_what_holds_no_event_is_invalid(value: bytes) -> None:
    with pytest.raises(InvalidOutgoing):
        parse_outgoing(value)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "[::1]",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
        "0.0.0.0",
        "localhost",
        "no-such-host.invalid",
    ],
)
async def test_private_and_unknown_hosts_are_not_public(host: str) -> None:
    assert not await is_public(f"ws://{host}:8080")


@pytest.mark.parametrize("host", ["1.1.1.1", "[2606:4700::1]"])
async def test_addresses_of_the_internet_are_public(host: str) -> None:
    assert await is_public(f"wss://{host}")
