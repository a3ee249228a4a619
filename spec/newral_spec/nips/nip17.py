"""NIP-17 private messages, in the seal and gift wrap of NIP-59.

A *rumor* (the unsigned message, kind 14) is encrypted into a *seal* (kind 13, signed by the
sender), and that into a *gift wrap* (kind 1059, signed by a key used once).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from newral_spec import event, keys
from newral_spec.kinds import Kind
from newral_spec.nips import nip44

RUMOR_BYTES_MAX: Final = 28_672
"""The longest rumor as JSON that fits, encrypted twice, the 64 KiB of an event's content.

Each layer pads and adds a third: 28,672 bytes make a seal's content of 38,320 characters; the
seal is padded to 40,960 bytes, which make a wrap's content of 54,704. The next step of the
padding would no longer fit.
"""

DATE_SPREAD_S: Final = 2 * 24 * 3600
"""Seal and wrap are dated up to two days back, so that their times reveal nothing (NIP-17)."""

_DATE_ENTROPY_BYTES: Final = 8


class Nip17Error(ValueError):
    """The message cannot be wrapped, or the wrap holds no authentic message for this key."""


class DirectMessage(msgspec.Struct, frozen=True):
    """A message whose sender is proved.

    The same one may arrive in several wraps: `rumor_id` is what identifies it. `created_at` is
    what the sender claims; the wrap's own date is random.
    """

    sender: str
    text: str
    created_at: int
    rumor_id: str
    reply_to: str | None
    seal: event.Event
    """What the sender signed: evidence that it sent something, without showing what."""


class _Rumor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str | None = None
    pubkey: str
    created_at: int
    kind: int
    tags: event.Tags
    content: str


_decoder: Final = msgspec.json.Decoder(_Rumor)


def wrap(
    text: str,
    *,
    sender: keys.SecretKey,
    recipient: str,
    ephemeral: keys.SecretKey,
    now: int,
    random_bytes: Callable[[int], bytes],
    reply_to: str | None = None,
) -> event.Event:
    """A gift wrap for `recipient`, a public key in hexadecimal. Raises `Nip17Error`.

    `ephemeral` is a fresh key, never used again; `random_bytes(n)` is a cryptographic generator;
    `reply_to` is the rumor id of the message answered; `now` is in Unix seconds.
    """
    rumor = _rumor_json(text, sender, recipient, now, reply_to)
    try:
        content = _encrypted(rumor, sender, recipient, random_bytes)
        seal = event.sign_event(
            sender, kind=Kind.SEAL, content=content, created_at=_some_time(now, random_bytes)
        )
        return event.sign_event(
            ephemeral,
            kind=Kind.GIFT_WRAP,
            content=_encrypted(seal.to_json(), ephemeral, recipient, random_bytes),
            tags=[("p", recipient)],
            created_at=_some_time(now, random_bytes),
        )
    except nip44.Nip44Error as error:
        raise Nip17Error(f"the message cannot be encrypted: {error}") from error


def unwrap(wrapped: event.Event, recipient: keys.SecretKey) -> DirectMessage:
    """Open a gift wrap and prove who wrote it. Raises `Nip17Error`.

    Verified are the wrap's signature, the seal's, that rumor and seal name the same author, and
    the rumor's id.
    """
    seal = _open_wrap(wrapped, recipient)
    rumor = _open_seal(seal, recipient)
    if rumor.pubkey != seal.pubkey:
        raise Nip17Error("the message claims another author than the one who sealed it")
    if rumor.kind != Kind.CHAT_MESSAGE:
        raise Nip17Error(f"only messages of kind {Kind.CHAT_MESSAGE} are read, not {rumor.kind}")
    if not 0 <= rumor.created_at <= event.CREATED_AT_MAX:
        raise Nip17Error(f"created_at is between 0 and {event.CREATED_AT_MAX}")
    rumor_id = _rumor_id(rumor)
    if rumor.id not in (None, rumor_id):
        raise Nip17Error("the message's id is not its hash")
    reply_to = next((tag[1] for tag in rumor.tags if len(tag) > 1 and tag[0] == "e"), None)
    return DirectMessage(
        sender=seal.pubkey,
        text=rumor.content,
        created_at=rumor.created_at,
        rumor_id=rumor_id,
        reply_to=reply_to if reply_to is not None and keys.is_hex32(reply_to) else None,
        seal=seal,
    )


def _rumor_json(
    text: str, sender: keys.SecretKey, recipient: str, now: int, reply_to: str | None
) -> bytes:
    tags: tuple[event.Tag, ...] = (("p", recipient),)
    if reply_to is not None:
        if not keys.is_hex32(reply_to):
            raise Nip17Error("reply_to is a rumor id: 64 lower-case hexadecimal digits")
        tags += (("e", reply_to),)
    rumor = _Rumor(
        pubkey=sender.public_key,
        created_at=now,
        kind=Kind.CHAT_MESSAGE,
        tags=tags,
        content=text,
    )
    try:
        encoded = msgspec.json.encode(msgspec.structs.replace(rumor, id=_rumor_id(rumor)))
    except UnicodeEncodeError as error:
        raise Nip17Error("the text has a lone surrogate, which UTF-8 cannot hold") from error
    if len(encoded) > RUMOR_BYTES_MAX:
        raise Nip17Error(f"a message has at most {RUMOR_BYTES_MAX} bytes, not {len(encoded)}")
    return encoded


def _rumor_id(rumor: _Rumor) -> str:
    digest = event.event_id(rumor.pubkey, rumor.created_at, rumor.kind, rumor.tags, rumor.content)
    return digest.hex()


def _encrypted(
    document: bytes,
    author: keys.SecretKey,
    recipient: str,
    random_bytes: Callable[[int], bytes],
) -> str:
    key = nip44.conversation_key(author, recipient)
    return nip44.encrypt(document.decode(), key, random_bytes(nip44.NONCE_BYTES))


def _some_time(now: int, random_bytes: Callable[[int], bytes]) -> int:
    return now - int.from_bytes(random_bytes(_DATE_ENTROPY_BYTES)) % DATE_SPREAD_S


def _open_wrap(wrapped: event.Event, recipient: keys.SecretKey) -> event.Event:
    if wrapped.kind != Kind.GIFT_WRAP:
        raise Nip17Error(f"a gift wrap has kind {Kind.GIFT_WRAP}, not {wrapped.kind}")
    try:
        event.verify_event(wrapped)
        seal = event.parse_event(_decrypted(wrapped, recipient))
        event.verify_event(seal)
    except (event.InvalidEvent, nip44.Nip44Error) as error:
        raise Nip17Error(f"the gift wrap cannot be opened: {error}") from error
    if seal.kind != Kind.SEAL:
        raise Nip17Error(f"a seal has kind {Kind.SEAL}, not {seal.kind}")
    return seal


def _open_seal(seal: event.Event, recipient: keys.SecretKey) -> _Rumor:
    try:
        return _decoder.decode(_decrypted(seal, recipient))
    except (msgspec.DecodeError, UnicodeError, RecursionError, nip44.Nip44Error) as error:
        raise Nip17Error(f"the seal cannot be opened: {error}") from error


def _decrypted(sealed: event.Event, recipient: keys.SecretKey) -> str:
    return nip44.decrypt(sealed.content, nip44.conversation_key(recipient, sealed.pubkey))
