"""Nostr events (NIP-01): parsing, identity, signing and verification."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

from newral_spec import keys, limits

Tag = tuple[str, ...]
Tags = tuple[Tag, ...]

CREATED_AT_MAX: Final = 2**53 - 1
KIND_MAX: Final = 65535


class InvalidEvent(ValueError):
    """The event is malformed, too large, or does not match its id or signature.

    `code` names the first rule broken, for counting: `size`, `json`, `shape`, `id`, `signature`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Event(msgspec.Struct, frozen=True):
    """A signed event as it travels. Constructing one verifies nothing: see `verify_event`."""

    id: str
    pubkey: str
    created_at: int
    kind: int
    tags: Tags
    content: str
    sig: str

    def first(self, name: str) -> str | None:
        """The first value of the first tag called `name`, if it has one."""
        return next((tag[1] for tag in self.tags if len(tag) > 1 and tag[0] == name), None)

    def values(self, name: str) -> tuple[str, ...]:
        """The first value of every tag called `name`."""
        return tuple(tag[1] for tag in self.tags if len(tag) > 1 and tag[0] == name)

    def to_json(self) -> bytes:
        """The event as a JSON object."""
        return msgspec.json.encode(self)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says, before somebody dates and signs it."""

    kind: int
    tags: Tags = ()
    content: str = ""


_decoder: Final = msgspec.json.Decoder(Event)


def event_id(pubkey: str, created_at: int, kind: int, tags: Iterable[Tag], content: str) -> bytes:
    """SHA-256 of NIP-01's serialisation: 32 bytes."""
    serialised = msgspec.json.encode([0, pubkey, created_at, kind, list(tags), content])
    return hashlib.sha256(serialised).digest()


def sign_event(
    secret: keys.SecretKey,
    *,
    kind: int,
    created_at: int,
    content: str = "",
    tags: Iterable[Iterable[str]] = (),
) -> Event:
    """Date and sign. `created_at` is in Unix seconds."""
    frozen = tuple(tuple(tag) for tag in tags)
    digest = event_id(secret.public_key, created_at, kind, frozen, content)
    return Event(
        id=digest.hex(),
        pubkey=secret.public_key,
        created_at=created_at,
        kind=kind,
        tags=frozen,
        content=content,
        sig=secret.sign(digest),
    )


def sign_draft(secret: keys.SecretKey, draft: Draft, created_at: int) -> Event:
    """Date and sign a draft. `created_at` is in Unix seconds."""
    return sign_event(
        secret, kind=draft.kind, created_at=created_at, content=draft.content, tags=draft.tags
    )


def parse_event(raw: bytes | str) -> Event:
    """Parse one JSON object and check its shape and size, not its signature.

    Raises `InvalidEvent`. Unknown members are ignored, as NIP-01 clients add their own.
    """
    size = len(raw) if isinstance(raw, bytes) else len(raw.encode(errors="surrogatepass"))
    if size > limits.EVENT_BYTES_MAX:
        raise InvalidEvent("size", f"an event has at most {limits.EVENT_BYTES_MAX} bytes")
    try:
        event = _decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise InvalidEvent("shape", f"not a NIP-01 event: {error}") from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidEvent("json", f"not valid JSON: {error}") from error
    check_shape(event)
    return event


def check_shape(event: Event) -> None:
    """Check ranges, lengths and hexadecimal forms. Raises `InvalidEvent`."""
    if not keys.is_hex32(event.id) or not keys.is_hex32(event.pubkey):
        raise InvalidEvent("shape", "id and pubkey are 64 lower-case hexadecimal digits")
    if not keys.is_hex64(event.sig):
        raise InvalidEvent("shape", "sig is 128 lower-case hexadecimal digits")
    if not 0 <= event.created_at <= CREATED_AT_MAX:
        raise InvalidEvent("shape", f"created_at is between 0 and {CREATED_AT_MAX}")
    if not 0 <= event.kind <= KIND_MAX:
        raise InvalidEvent("shape", f"kind is between 0 and {KIND_MAX}")
    if len(event.content.encode()) > limits.CONTENT_BYTES_MAX:
        raise InvalidEvent("size", f"content has at most {limits.CONTENT_BYTES_MAX} bytes")
    if len(event.tags) > limits.TAGS_MAX:
        raise InvalidEvent("size", f"an event has at most {limits.TAGS_MAX} tags")
    for tag in event.tags:
        _check_tag(tag)


def _check_tag(tag: Tag) -> None:
    if not tag:
        raise InvalidEvent("shape", "a tag has at least a name")
    if len(tag) > limits.TAG_VALUES_MAX:
        raise InvalidEvent("size", f"a tag has at most {limits.TAG_VALUES_MAX} values")
    bound = limits.INDEXED_TAG_VALUE_BYTES_MAX if len(tag[0]) == 1 else limits.TAG_VALUE_BYTES_MAX
    if any(len(value.encode()) > bound for value in tag):
        raise InvalidEvent("size", f"a value of tag {tag[0][:32]!r} has at most {bound} bytes")


def verify_event(event: Event) -> None:
    """Check shape, id and signature. Raises `InvalidEvent`."""
    check_shape(event)
    digest = event_id(event.pubkey, event.created_at, event.kind, event.tags, event.content)
    if digest.hex() != event.id:
        raise InvalidEvent("id", "the id is not the hash of the event")
    if not keys.verify(event.pubkey, digest, event.sig):
        raise InvalidEvent("signature", "the signature is not the author's")


__all__ = [
    "Draft",
    "Event",
    "InvalidEvent",
    "Tag",
    "Tags",
    "event_id",
    "parse_event",
    "sign_draft",
    "sign_event",
    "verify_event",
]
