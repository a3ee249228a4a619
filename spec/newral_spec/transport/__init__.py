"""Websocket adapters around the relay session: the only I/O in this package."""

from newral_spec.transport.relay_connection import (
    EventHandler,
    RelayConnection,
    RelayRefused,
    RelayUnavailable,
)
from newral_spec.transport.relay_pool import Answer, PublishOutcome, RelayPool
from newral_spec.transport.relay_url import InvalidRelayUrl, normalise_relay_url

__all__ = [
    "Answer",
    "EventHandler",
    "InvalidRelayUrl",
    "PublishOutcome",
    "RelayConnection",
    "RelayPool",
    "RelayRefused",
    "RelayUnavailable",
    "normalise_relay_url",
]
