"""A relay's side of NIP-01, NIP-42 and NIP-45 as a state machine, without any I/O.

Feed what a client sends to `receive` and carry out the commands it returns; answer with the
methods named after the messages; send what `outgoing` returns.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from newral_spec import limits
from newral_spec.event import Event, InvalidEvent, verify_event
from newral_spec.kinds import Kind
from newral_spec.session import wire
from newral_spec.session.errors import RemoteProtocolError
from newral_spec.session.filters import Filter

AUTHENTICATION_S: Final = 10 * 60
"""How far the date of an answer to a challenge may be off (NIP-42)."""

AUTHENTICATED_KEYS_MAX: Final = 16
"""Keys that one connection may prove to hold."""


@dataclass(frozen=True)
class Publish:
    """The client publishes `event`, the signature of which nobody has checked. Answer `ok`."""

    event: Event


@dataclass(frozen=True)
class Subscribe:
    """Send what is stored, then `eose`, then what comes in. Replaces one of the same name."""

    subscription: str
    filters: tuple[Filter, ...]


@dataclass(frozen=True)
class Unsubscribe:
    """The client wants no more of this subscription."""

    subscription: str


@dataclass(frozen=True)
class CountStored:
    """Count what is stored, answer `count`."""

    query: str
    filters: tuple[Filter, ...]


@dataclass(frozen=True)
class Authenticated:
    """The client has proved that it holds this key."""

    pubkey: str


Command = Publish | Subscribe | Unsubscribe | CountStored | Authenticated


@dataclass(frozen=True, kw_only=True)
class ServerLimits:
    """What one connection may ask for."""

    subscriptions_max: int = 64
    filters_max: int = limits.FILTERS_MAX


class ServerSession:
    """One client, seen by a relay."""

    def __init__(
        self,
        *,
        challenge: str,
        relay_urls: Collection[str],
        require_auth: bool = False,
        bounds: ServerLimits | None = None,
    ) -> None:
        """`challenge` is unpredictable and new; `relay_urls` are all the names of this relay."""
        self.subscriptions: dict[str, tuple[Filter, ...]] = {}
        self.authenticated: set[str] = set()
        self._challenge = challenge
        self._origins = {_origin(url) for url in relay_urls} - {None}
        self._require_auth = require_auth
        self._bounds = bounds or ServerLimits()
        self._outgoing = [wire.serialise(wire.Challenge(challenge))]

    def outgoing(self) -> list[str]:
        """What to send now, in order. Each text is returned once."""
        texts, self._outgoing = self._outgoing, []
        return texts

    def receive(self, raw: bytes | str, now: int) -> list[Command]:
        """Handle one message. Never raises: what is wrong is answered. `now` is in Unix seconds."""
        try:
            message = wire.parse_client_message(raw)
        except RemoteProtocolError as error:
            return self._answer_malformed(error)
        match message:
            case wire.EventMessage(event):
                return self._receive_event(event)
            case wire.Req(name, filters):
                return self._receive_req(name, filters)
            case wire.CountRequest(query, filters):
                return self._receive_count(query, filters)
            case wire.Close(name):
                return [Unsubscribe(name)] if self.subscriptions.pop(name, None) else []
            case wire.Auth(event):
                return self._receive_auth(event, now)

    # Answers

    def ok(self, event_id: str, *, accepted: bool, message: str = "") -> None:
        """Answer a publication."""
        self._send(wire.Ok(event_id, accepted, message))

    def deliver(self, name: str, event_json: bytes) -> None:
        """Send an event for a subscription that is still open."""
        if name in self.subscriptions:
            self._outgoing.append(wire.subscribed_event_text(name, event_json))

    def eose(self, name: str) -> None:
        """All stored events of a subscription were delivered."""
        if name in self.subscriptions:
            self._send(wire.Eose(name))

    def count(self, query: str, count: int) -> None:
        """Answer a `COUNT`."""
        self._send(wire.Count(query, count))

    def close(self, name: str, message: str) -> None:
        """End a subscription, or refuse a query. `message` begins with a NIP-01 prefix."""
        self.subscriptions.pop(name, None)
        self._send(wire.Closed(name, message))

    def notice(self, message: str) -> None:
        """Tell the people behind the client."""
        self._send(wire.Notice(message))

    # Messages

    def _answer_malformed(self, error: RemoteProtocolError) -> list[Command]:
        text = f"invalid: {error}"
        if error.subscription is not None:
            return self._close_known(error.subscription, text)
        if error.event_id is not None:
            self.ok(error.event_id, accepted=False, message=text)
        else:
            self.notice(text)
        return []

    def _close_known(self, name: str, text: str) -> list[Command]:
        was_open = name in self.subscriptions
        self.close(name, text)
        return [Unsubscribe(name)] if was_open else []

    def _receive_event(self, event: Event) -> list[Command]:
        if self._lacks_auth():
            self.ok(event.id, accepted=False, message="auth-required: who publishes must be known")
            return []
        if event.kind == Kind.CLIENT_AUTHENTICATION:
            self.ok(event.id, accepted=False, message="invalid: this kind belongs into AUTH")
            return []
        return [Publish(event)]

    def _receive_req(self, name: str, filters: tuple[Filter, ...]) -> list[Command]:
        fault = self._fault(filters)
        most = self._bounds.subscriptions_max
        if fault is None and name not in self.subscriptions and len(self.subscriptions) >= most:
            fault = f"rate-limited: at most {most} subscriptions at once"
        if fault is not None:
            return self._close_known(name, fault)
        self.subscriptions[name] = filters
        return [Subscribe(name, filters)]

    def _receive_count(self, query: str, filters: tuple[Filter, ...]) -> list[Command]:
        fault = self._fault(filters)
        if fault is not None:
            self._send(wire.Closed(query, fault))
            return []
        return [CountStored(query, filters)]

    def _fault(self, filters: tuple[Filter, ...]) -> str | None:
        if self._lacks_auth():
            return "auth-required: who reads must be known"
        if len(filters) > self._bounds.filters_max:
            return f"invalid: at most {self._bounds.filters_max} filters"
        return None

    def _lacks_auth(self) -> bool:
        return self._require_auth and not self.authenticated

    def _receive_auth(self, event: Event, now: int) -> list[Command]:
        fault = self._auth_fault(event, now)
        if fault is not None:
            self.ok(event.id, accepted=False, message=f"invalid: {fault}")
            return []
        self.authenticated.add(event.pubkey)
        self.ok(event.id, accepted=True)
        return [Authenticated(event.pubkey)]

    def _auth_fault(self, event: Event, now: int) -> str | None:
        """Why this is no valid answer to our challenge (NIP-42)."""
        if event.kind != Kind.CLIENT_AUTHENTICATION:
            return f"authentication is of kind {Kind.CLIENT_AUTHENTICATION}"
        if event.first("challenge") != self._challenge:
            return "this is not the challenge that was sent"
        if _origin(event.first("relay") or "") not in self._origins:
            return "the relay tag names another relay"
        if abs(event.created_at - now) > AUTHENTICATION_S:
            return f"the date is off by more than {AUTHENTICATION_S} seconds"
        if len(self.authenticated) >= AUTHENTICATED_KEYS_MAX:
            return f"at most {AUTHENTICATED_KEYS_MAX} keys on one connection"
        try:
            verify_event(event)
        except InvalidEvent as error:
            return str(error)
        return None

    def _send(self, message: wire.RelayMessage) -> None:
        self._outgoing.append(wire.serialise(message))


def _origin(url: str) -> tuple[str, int] | None:
    """Host and port: NIP-42 compares domains, as a path or a slash may differ."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"ws": 80, "wss": 443}.get(parts.scheme, 0)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname else None
