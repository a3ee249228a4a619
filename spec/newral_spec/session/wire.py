"""The messages of NIP-01, NIP-42 and NIP-45, both ways: strict parsing, and serialisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from newral_spec import keys, limits
from newral_spec.event import Event, InvalidEvent, parse_event
from newral_spec.session.errors import RemoteProtocolError
from newral_spec.session.filters import Filter, InvalidFilter, parse_filter

MESSAGE_PARTS_MAX: Final = 2 + limits.FILTERS_MAX
"""Elements of a message; a `REQ` with all its filters is the longest."""

CHALLENGE_BYTES_MAX: Final = 256
"""NIP-42 challenges are random strings; this is generous."""


@dataclass(frozen=True)
class EventMessage:
    """`["EVENT", event]`: a client publishes."""

    event: Event


@dataclass(frozen=True)
class Req:
    """`["REQ", subscription, filter…]`."""

    subscription: str
    filters: tuple[Filter, ...]


@dataclass(frozen=True)
class Close:
    """`["CLOSE", subscription]`."""

    subscription: str


@dataclass(frozen=True)
class Auth:
    """`["AUTH", event]`: the answer to a challenge (NIP-42)."""

    event: Event


@dataclass(frozen=True)
class CountRequest:
    """`["COUNT", query, filter…]` (NIP-45)."""

    query: str
    filters: tuple[Filter, ...]


@dataclass(frozen=True)
class SubscribedEvent:
    """`["EVENT", subscription, event]`: a relay delivers."""

    subscription: str
    event: Event


@dataclass(frozen=True)
class Ok:
    """`["OK", event id, accepted, message]`."""

    event_id: str
    accepted: bool
    message: str

    @property
    def prefix(self) -> str:
        """The machine-readable word before the colon, or the empty string."""
        return prefix_of(self.message)


@dataclass(frozen=True)
class Eose:
    """`["EOSE", subscription]`: what follows was not stored before."""

    subscription: str


@dataclass(frozen=True)
class Closed:
    """`["CLOSED", subscription, message]`: the relay ended the subscription."""

    subscription: str
    message: str


@dataclass(frozen=True)
class Notice:
    """`["NOTICE", message]`, for people."""

    message: str


@dataclass(frozen=True)
class Challenge:
    """`["AUTH", challenge]`: the relay asks who we are (NIP-42)."""

    challenge: str


@dataclass(frozen=True)
class Count:
    """`["COUNT", query, {"count": n}]` (NIP-45)."""

    query: str
    count: int


ClientMessage = EventMessage | Req | Close | Auth | CountRequest
RelayMessage = SubscribedEvent | Ok | Eose | Closed | Notice | Challenge | Count

_parts_decoder: Final = msgspec.json.Decoder(list[msgspec.Raw])


def prefix_of(message: str) -> str:
    """NIP-01's machine-readable prefix of an `OK` or `CLOSED` message: `duplicate`, `blocked`…"""
    word, colon, _ = message.partition(":")
    return word if colon and word.isascii() and word.replace("-", "").isalpha() else ""


def serialise(message: ClientMessage | RelayMessage) -> str:
    """The message as one websocket text."""
    return msgspec.json.encode(_elements(message)).decode()


def subscribed_event_text(subscription: str, event_json: bytes) -> str:
    """`SubscribedEvent` from an event that is JSON already: what a relay sends most."""
    return f'["EVENT",{msgspec.json.encode(subscription).decode()},{event_json.decode()}]'


def _elements(message: ClientMessage | RelayMessage) -> list[Any]:
    match message:
        case EventMessage(event):
            return ["EVENT", event]
        case SubscribedEvent(subscription, event):
            return ["EVENT", subscription, event]
        case Auth(event):
            return ["AUTH", event]
        case Challenge(challenge):
            return ["AUTH", challenge]
        case Req(subscription, filters):
            return ["REQ", subscription, *(item.to_dict() for item in filters)]
        case CountRequest(query, filters):
            return ["COUNT", query, *(item.to_dict() for item in filters)]
        case Count(query, count):
            return ["COUNT", query, {"count": count}]
        case Ok(event_id, accepted, text):
            return ["OK", event_id, accepted, text]
        case Close(subscription):
            return ["CLOSE", subscription]
        case Eose(subscription):
            return ["EOSE", subscription]
        case Closed(subscription, text):
            return ["CLOSED", subscription, text]
        case Notice(text):
            return ["NOTICE", text]


def parse_client_message(raw: bytes | str) -> ClientMessage:
    """What a relay receives. Raises `RemoteProtocolError`; checks no signature."""
    parts = _split(raw)
    match _string(parts[0], "the message type"):
        case "EVENT":
            return EventMessage(_event(_exactly(parts, 2)[1]))
        case "AUTH":
            return Auth(_event(_exactly(parts, 2)[1]))
        case "CLOSE":
            return Close(_subscription(_exactly(parts, 2)[1]))
        case "REQ":
            subscription = _subscription(_at_least(parts, 3)[1])
            return Req(subscription, _filters(subscription, parts[2:]))
        case "COUNT":
            query = _subscription(_at_least(parts, 3)[1])
            return CountRequest(query, _filters(query, parts[2:]))
        case other:
            raise RemoteProtocolError(f"unknown message type {other[:32]!r}")


def parse_relay_message(raw: bytes | str) -> RelayMessage:
    """What a client receives. Raises `RemoteProtocolError`; checks no signature."""
    parts = _split(raw)
    match _string(parts[0], "the message type"):
        case "EVENT":
            return SubscribedEvent(_subscription(_exactly(parts, 3)[1]), _event(parts[2]))
        case "OK":
            return _ok(parts)
        case "EOSE":
            return Eose(_subscription(_at_least(parts, 2)[1]))
        case "CLOSED":
            return Closed(_subscription(_at_least(parts, 2)[1]), _message(parts[2:]))
        case "NOTICE":
            return Notice(_message(parts[1:]))
        case "AUTH":
            return Challenge(_challenge(_exactly(parts, 2)[1]))
        case "COUNT":
            return _count(_exactly(parts, 3))
        case other:
            raise RemoteProtocolError(f"unknown message type {other[:32]!r}")


def _split(raw: bytes | str) -> list[msgspec.Raw]:
    size = len(raw) if isinstance(raw, bytes) else len(raw.encode(errors="surrogatepass"))
    if size > limits.RELAY_MESSAGE_BYTES_MAX:
        raise RemoteProtocolError(f"a message has at most {limits.RELAY_MESSAGE_BYTES_MAX} bytes")
    try:
        parts = _parts_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RemoteProtocolError("a message is a JSON array") from error
    if not 1 <= len(parts) <= MESSAGE_PARTS_MAX:
        raise RemoteProtocolError(f"a message has 1 to {MESSAGE_PARTS_MAX} elements")
    return parts


def _exactly(parts: list[msgspec.Raw], count: int) -> list[msgspec.Raw]:
    if len(parts) != count:
        raise RemoteProtocolError(f"this message has {count} elements, not {len(parts)}")
    return parts


def _at_least(parts: list[msgspec.Raw], count: int) -> list[msgspec.Raw]:
    if len(parts) < count:
        raise RemoteProtocolError(f"this message has at least {count} elements, not {len(parts)}")
    return parts


def _decode(raw: msgspec.Raw, kind: Any, what: str) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RemoteProtocolError(f"{what} is malformed") from error


def _string(raw: msgspec.Raw, what: str) -> str:
    return str(_decode(raw, str, what))


def _subscription(raw: msgspec.Raw) -> str:
    subscription = _string(raw, "the subscription id")
    if not is_subscription_id(subscription):
        raise RemoteProtocolError(
            f"a subscription id has 1 to {limits.SUBSCRIPTION_ID_BYTES_MAX} bytes"
        )
    return subscription


def is_subscription_id(text: str) -> bool:
    """Whether NIP-01 and our limits allow this subscription id."""
    return 1 <= len(text.encode(errors="surrogatepass")) <= limits.SUBSCRIPTION_ID_BYTES_MAX


def _event(raw: msgspec.Raw) -> Event:
    try:
        return parse_event(bytes(raw))
    except InvalidEvent as error:
        raise RemoteProtocolError(str(error), event_id=_readable_id(raw)) from error


def _readable_id(raw: msgspec.Raw) -> str | None:
    try:
        event_id = _decode(raw, dict[str, Any], "the event").get("id")
    except RemoteProtocolError:
        return None
    return event_id if isinstance(event_id, str) and keys.is_hex32(event_id) else None


def _filters(subscription: str, parts: list[msgspec.Raw]) -> tuple[Filter, ...]:
    try:
        return tuple(parse_filter(_decode(raw, Any, "a filter")) for raw in parts)
    except (InvalidFilter, RemoteProtocolError) as error:
        raise RemoteProtocolError(str(error), subscription=subscription) from error


def _ok(parts: list[msgspec.Raw]) -> Ok:
    event_id = _string(_at_least(parts, 3)[1], "the event id")
    if not keys.is_hex32(event_id):
        raise RemoteProtocolError("an event id is 64 lower-case hexadecimal digits")
    return Ok(event_id, _decode(parts[2], bool, "the verdict") is True, _message(parts[3:]))


def _message(parts: list[msgspec.Raw]) -> str:
    # Some relays leave the message out; it is for people, so nothing depends on it.
    return _string(parts[0], "the message") if parts else ""


def _challenge(raw: msgspec.Raw) -> str:
    challenge = _string(raw, "the challenge")
    if not 1 <= len(challenge.encode()) <= CHALLENGE_BYTES_MAX:
        raise RemoteProtocolError(f"a challenge has 1 to {CHALLENGE_BYTES_MAX} bytes")
    return challenge


def _count(parts: list[msgspec.Raw]) -> Count:
    members = _decode(parts[2], dict[str, Any], "the count")
    count = members.get("count")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise RemoteProtocolError("a count is a non-negative integer")
    return Count(_subscription(parts[1]), count)
