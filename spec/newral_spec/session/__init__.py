"""Talking to Nostr relays, and being one, as state machines without I/O (in the manner of h11)."""

from newral_spec.session.client import (
    AuthenticationAnswered,
    AuthenticationRequested,
    ClientSession,
    EventReceived,
    PublishAnswered,
    SessionEvent,
    StoredEventsEnd,
    SubscriptionClosed,
)
from newral_spec.session.errors import LocalProtocolError, RemoteProtocolError
from newral_spec.session.filters import Filter, InvalidFilter, parse_filter
from newral_spec.session.server import (
    Authenticated,
    Command,
    CountStored,
    Publish,
    ServerLimits,
    ServerSession,
    Subscribe,
    Unsubscribe,
)
from newral_spec.session.wire import Notice, Ok

__all__ = [
    "Authenticated",
    "AuthenticationAnswered",
    "AuthenticationRequested",
    "ClientSession",
    "Command",
    "CountStored",
    "EventReceived",
    "Filter",
    "InvalidFilter",
    "LocalProtocolError",
    "Notice",
    "Ok",
    "Publish",
    "PublishAnswered",
    "RemoteProtocolError",
    "ServerLimits",
    "ServerSession",
    "SessionEvent",
    "StoredEventsEnd",
    "Subscribe",
    "SubscriptionClosed",
    "Unsubscribe",
    "parse_filter",
]
