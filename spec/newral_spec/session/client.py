"""A client's side of NIP-01 and NIP-42 as a state machine, without any I/O.

Feed what arrives to `receive`, send what `outgoing` returns, call `resume` after each connect and
`connection_lost` after each disconnect. Subscriptions and unanswered publications survive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from newral_spec import limits
from newral_spec.event import Event
from newral_spec.kinds import Kind
from newral_spec.session import wire
from newral_spec.session.client_subscription import ClientSubscription
from newral_spec.session.errors import LocalProtocolError, RemoteProtocolError
from newral_spec.session.filters import Filter

SUBSCRIPTIONS_MAX: Final = 256
"""Open at once on one connection. Relays allow 20 or more."""

PUBLICATIONS_MAX: Final = 10_000
"""Publications that wait for their `OK`: bounds memory when a relay never answers."""

CHALLENGES_MAX: Final = 16
"""Challenges answered on one connection: a relay that asks again and again only burns our time."""

ACCEPTING_PREFIXES: Final = frozenset({"duplicate", "mute"})
"""`OK` messages that mean success even with `false`: the relay has the event."""

_PAGE_PREFIX: Final = "~"


@dataclass(frozen=True)
class EventReceived:
    """An event that matches the subscription and is new to it. Nobody has verified it."""

    subscription: str
    event: Event


@dataclass(frozen=True)
class StoredEventsEnd:
    """All that the relay had stored was received, or, if not `complete`, it would not go on."""

    subscription: str
    complete: bool


@dataclass(frozen=True)
class PublishAnswered:
    """The relay's final word on a publication."""

    event_id: str
    accepted: bool
    message: str

    @property
    def prefix(self) -> str:
        """The machine-readable word before the colon, or the empty string."""
        return wire.prefix_of(self.message)


@dataclass(frozen=True)
class SubscriptionClosed:
    """The relay ended the subscription. It is opened again by `reopen`, or by `resume`."""

    subscription: str
    message: str

    @property
    def prefix(self) -> str:
        """The machine-readable word before the colon, or the empty string."""
        return wire.prefix_of(self.message)


@dataclass(frozen=True)
class AuthenticationRequested:
    """The relay asks who we are: answer with `authenticate`, or not at all."""

    challenge: str


@dataclass(frozen=True)
class AuthenticationAnswered:
    """The relay's verdict on our answer."""

    accepted: bool
    message: str


SessionEvent = (
    EventReceived
    | StoredEventsEnd
    | PublishAnswered
    | SubscriptionClosed
    | AuthenticationRequested
    | AuthenticationAnswered
    | wire.Notice
)


class ClientSession:
    """One relay, seen by a client. Times are Unix seconds."""

    def __init__(self, *, can_authenticate: bool = True) -> None:
        """With `can_authenticate` false, what needs authentication is refused at once."""
        self._can_authenticate = can_authenticate
        self._outgoing: list[str] = []
        self._subscriptions: dict[str, ClientSubscription] = {}
        self._pages: dict[str, ClientSubscription] = {}
        self._page_number = 0
        self._publications: dict[str, Event] = {}
        self._is_connected = False
        self._last_heard = 0
        self._forget_authentication()

    def _forget_authentication(self) -> None:
        self._challenge: str | None = None
        self._challenges = 0
        self._auth_id: str | None = None
        self._is_authenticated = False
        self._held: dict[str, str] = {}
        self._retried: set[str] = set()

    # What the caller asks for

    def outgoing(self) -> list[str]:
        """What to send now, in order. Each text is returned once."""
        texts, self._outgoing = self._outgoing, []
        return texts

    def subscribe(self, name: str, filters: tuple[Filter, ...]) -> None:
        """Open a subscription, or replace the one of that name. Raises `LocalProtocolError`."""
        if not wire.is_subscription_id(name) or name.startswith(_PAGE_PREFIX):
            raise LocalProtocolError(
                f"a subscription id has 1 to {limits.SUBSCRIPTION_ID_BYTES_MAX} bytes "
                f"and does not begin with {_PAGE_PREFIX!r}"
            )
        if not 1 <= len(filters) <= limits.FILTERS_MAX:
            raise LocalProtocolError(f"a subscription has 1 to {limits.FILTERS_MAX} filters")
        if name not in self._subscriptions and len(self._subscriptions) >= SUBSCRIPTIONS_MAX:
            raise LocalProtocolError(f"at most {SUBSCRIPTIONS_MAX} subscriptions at once")
        if _size(wire.Req(name, filters)) > limits.RELAY_MESSAGE_BYTES_MAX:
            raise LocalProtocolError("the filters do not fit into one message")
        if name in self._subscriptions:
            self._drop_page(self._subscriptions[name])
        self._subscriptions[name] = ClientSubscription(name, filters)
        self._open(self._subscriptions[name])

    def unsubscribe(self, name: str) -> None:
        """End a subscription. Raises `LocalProtocolError` when there is none of that name."""
        subscription = self._known(name)
        del self._subscriptions[name]
        self._held.pop(name, None)
        self._drop_page(subscription)
        if subscription.is_open:
            self._send(wire.Close(name))

    def reopen(self, name: str) -> None:
        """Ask again for a subscription that the relay closed."""
        subscription = self._known(name)
        if not subscription.is_open:
            self._open(subscription)

    def publish(self, event: Event) -> None:
        """Send an event until the relay has answered. Raises `LocalProtocolError`."""
        if event.id in self._publications:
            return
        if len(self._publications) >= PUBLICATIONS_MAX:
            raise LocalProtocolError(f"{PUBLICATIONS_MAX} publications wait for an answer")
        if len(event.to_json()) > limits.EVENT_BYTES_MAX:
            raise LocalProtocolError(f"an event has at most {limits.EVENT_BYTES_MAX} bytes")
        self._publications[event.id] = event
        self._send(wire.EventMessage(event))

    def withdraw(self, event_id: str) -> None:
        """Wait no longer for an answer, and do not send the event again."""
        self._publications.pop(event_id, None)
        self._held.pop(event_id, None)

    def authenticate(self, event: Event) -> None:
        """Answer the latest challenge (NIP-42). Raises `LocalProtocolError`."""
        if self._challenge is None:
            raise LocalProtocolError("the relay has asked for no authentication")
        if event.kind != Kind.CLIENT_AUTHENTICATION or event.first("challenge") != self._challenge:
            raise LocalProtocolError("this event does not answer the relay's challenge")
        self._auth_id = event.id
        self._send(wire.Auth(event))

    # What happens to the connection

    def resume(self, now: int) -> None:
        """A connection was made: ask for what is missing, send what is unanswered."""
        self._is_connected = True
        self._last_heard = now
        for subscription in self._subscriptions.values():
            self._open(subscription)
        for event in self._publications.values():
            self._send(wire.EventMessage(event))

    def connection_lost(self) -> None:
        """The connection ended: nothing can be sent until `resume`."""
        self._is_connected = False
        self._outgoing.clear()
        self._pages.clear()
        self._forget_authentication()
        for subscription in self._subscriptions.values():
            subscription.interrupt(self._last_heard)

    def receive(self, raw: bytes | str, now: int) -> list[SessionEvent]:
        """Handle one message. Raises `RemoteProtocolError`; the session can go on after it."""
        message = wire.parse_relay_message(raw)
        self._last_heard = now
        match message:
            case wire.SubscribedEvent(name, event):
                return self._receive_event(name, event)
            case wire.Eose(name):
                return self._receive_eose(name)
            case wire.Closed(name, text):
                return self._receive_closed(name, text)
            case wire.Ok():
                return self._receive_ok(message)
            case wire.Challenge(challenge):
                return self._receive_challenge(challenge)
            case wire.Notice():
                return [message]
            case wire.Count():
                return []

    # Subscriptions

    def _known(self, name: str) -> ClientSubscription:
        subscription = self._subscriptions.get(name)
        if subscription is None:
            raise LocalProtocolError(f"there is no subscription {name!r}")
        return subscription

    def _open(self, subscription: ClientSubscription) -> None:
        if self._is_connected:
            self._send(wire.Req(subscription.name, subscription.open()))

    def _receive_event(self, name: str, event: Event) -> list[SessionEvent]:
        page = self._pages.get(name)
        subscription = page or self._subscriptions.get(name)
        if subscription is None:
            return []  # Was on its way when we unsubscribed.
        if not subscription.accepts(event):
            raise RemoteProtocolError("the event matches no filter of its subscription")
        if not subscription.receive(event, is_older_page=page is not None):
            return []
        return [EventReceived(subscription.name, event)]

    def _receive_eose(self, name: str) -> list[SessionEvent]:
        subscription = self._pages.pop(name, None)
        if subscription is not None:
            self._send(wire.Close(name))
        elif name in self._subscriptions and not self._is_paging(name):
            subscription = self._subscriptions[name]
        if subscription is None or not subscription.is_open or subscription.is_live:
            return []
        query = subscription.end_page()
        if query is None:
            return [StoredEventsEnd(subscription.name, complete=True)]
        self._page_number += 1
        page = f"{_PAGE_PREFIX}{self._page_number}"
        self._pages[page] = subscription
        self._send(wire.Req(page, (query,)))
        return []

    def _is_paging(self, name: str) -> bool:
        return any(subscription.name == name for subscription in self._pages.values())

    def _drop_page(self, subscription: ClientSubscription) -> None:
        for page in [page for page, owner in self._pages.items() if owner is subscription]:
            del self._pages[page]
            self._send(wire.Close(page))

    def _receive_closed(self, name: str, text: str) -> list[SessionEvent]:
        paged = self._pages.pop(name, None)
        if paged is not None:
            # Not live, so that the next connection asks for the rest again.
            return [StoredEventsEnd(paged.name, complete=False)]
        subscription = self._subscriptions.get(name)
        if subscription is None or not subscription.is_open:
            return []
        self._drop_page(subscription)
        subscription.interrupt(self._last_heard)
        if wire.prefix_of(text) == "auth-required" and self._hold(name, text):
            return []
        return [SubscriptionClosed(name, text)]

    # Publications

    def _receive_ok(self, message: wire.Ok) -> list[SessionEvent]:
        if message.event_id == self._auth_id:
            return self._receive_auth_verdict(message)
        if message.event_id not in self._publications:
            return []
        accepted = message.accepted or message.prefix in ACCEPTING_PREFIXES
        is_unauthenticated = not accepted and message.prefix == "auth-required"
        if is_unauthenticated and self._hold(message.event_id, message.message):
            return []
        self.withdraw(message.event_id)
        return [PublishAnswered(message.event_id, accepted, message.message)]

    # Authentication

    def _hold(self, name: str, text: str) -> bool:
        """Keep an event or a subscription until we are authenticated; whether that can help."""
        if not self._can_authenticate or name in self._retried:
            return False
        if self._is_authenticated:
            self._retry(name)
        else:
            self._held[name] = text
        return True

    def _retry(self, name: str) -> None:
        self._retried.add(name)
        if name in self._publications:
            self._send(wire.EventMessage(self._publications[name]))
        elif name in self._subscriptions:
            self._open(self._subscriptions[name])

    def _receive_challenge(self, challenge: str) -> list[SessionEvent]:
        self._challenges += 1
        if self._challenges > CHALLENGES_MAX:
            raise RemoteProtocolError("the relay asks for authentication again and again")
        self._challenge = challenge
        return [AuthenticationRequested(challenge)] if self._can_authenticate else []

    def _receive_auth_verdict(self, message: wire.Ok) -> list[SessionEvent]:
        self._auth_id = None
        self._is_authenticated = message.accepted
        held, self._held = self._held, {}
        answers: list[SessionEvent] = [AuthenticationAnswered(message.accepted, message.message)]
        for name, text in held.items():
            if message.accepted:
                self._retry(name)
            elif name in self._publications:
                self.withdraw(name)
                answers.append(PublishAnswered(name, accepted=False, message=text))
            else:
                answers.append(SubscriptionClosed(name, text))
        return answers

    def _send(self, message: wire.ClientMessage) -> None:
        if self._is_connected:
            self._outgoing.append(wire.serialise(message))


def _size(message: wire.ClientMessage) -> int:
    return len(wire.serialise(message).encode())
