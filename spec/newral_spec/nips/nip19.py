"""NIP-19: keys and ids as text for people. Never used inside events."""

from __future__ import annotations

from typing import Final

import msgspec

from newral_spec import keys
from newral_spec.nips import bech32

TEXT_CHARS_MAX: Final = 5000
"""NIP-19's own recommendation; the 90 characters of BIP-173 are too few for relay addresses."""

_TLV_SPECIAL: Final = 0
_TLV_RELAY: Final = 1


class Nip19Error(ValueError):
    """The text is not the entity expected. The message never repeats the text."""


class Profile(msgspec.Struct, frozen=True):
    """What an `nprofile` says: a public key, and relays where its owner may be found."""

    public_key: str
    relays: tuple[str, ...]


def encode_npub(public_key: str) -> str:
    """A public key, 64 hexadecimal digits, as `npub1…`. Raises `Nip19Error`."""
    return bech32.encode("npub", bytes.fromhex(_checked_public_key(public_key)))


def decode_npub(text: str) -> str:
    """The public key in hexadecimal. Raises `Nip19Error`."""
    return _checked_public_key(_decode32("npub", text).hex())


def encode_note(event_id: str) -> str:
    """An event id, 64 hexadecimal digits, as `note1…`. Raises `Nip19Error`."""
    if not keys.is_hex32(event_id):
        raise Nip19Error("an event id is 64 lower-case hexadecimal digits")
    return bech32.encode("note", bytes.fromhex(event_id))


def decode_note(text: str) -> str:
    """The event id in hexadecimal. Raises `Nip19Error`."""
    return _decode32("note", text).hex()


def encode_nsec(secret: keys.SecretKey) -> str:
    """A secret key as `nsec1…`: in the clear, so never for storing or for a command line."""
    return bech32.encode("nsec", secret.to_bytes())


def decode_nsec(text: str) -> keys.SecretKey:
    """Raises `Nip19Error`."""
    try:
        return keys.SecretKey(_decode32("nsec", text))
    except keys.InvalidKey as error:
        raise Nip19Error(str(error)) from error


def decode_nprofile(text: str) -> Profile:
    """Raises `Nip19Error`. Unknown TLV entries are ignored, as NIP-19 asks."""
    public_keys: list[bytes] = []
    relays: list[str] = []
    for kind, value in _tlv(_decode("nprofile", text)):
        if kind == _TLV_SPECIAL:
            public_keys.append(value)
        elif kind == _TLV_RELAY:
            relays.append(_relay(value))
    if len(public_keys) != 1:
        raise Nip19Error("an nprofile has exactly one public key")
    return Profile(_checked_public_key(public_keys[0].hex()), tuple(relays))


def parse_public_key(text: str) -> str:
    """The public key in hexadecimal, from hexadecimal, `npub1…` or `nprofile1…`.

    Raises `Nip19Error`.
    """
    prefix = text[:9].lower()
    if prefix.startswith("npub1"):
        return decode_npub(text)
    if prefix.startswith("nprofile1"):
        return decode_nprofile(text).public_key
    if prefix.startswith("nsec1"):
        raise Nip19Error("this is a secret key, where a public one is wanted: show it to nobody")
    return _checked_public_key(text)


def _checked_public_key(text: str) -> str:
    if not keys.is_hex32(text):
        raise Nip19Error("a public key is 64 lower-case hexadecimal digits, an npub or an nprofile")
    if not keys.is_public_key(text):
        raise Nip19Error("the public key is not a point of the curve")
    return text


def _decode(expected: str, text: str) -> bytes:
    try:
        prefix, data = bech32.decode(text, TEXT_CHARS_MAX)
    except bech32.InvalidBech32 as error:
        raise Nip19Error(f"not a valid {expected}: {error}") from error
    if prefix != expected:
        raise Nip19Error(f"the text starts with '{expected}1'")
    return data


def _decode32(expected: str, text: str) -> bytes:
    data = _decode(expected, text)
    if len(data) != 32:
        raise Nip19Error(f"{expected}1… holds 32 bytes, not {len(data)}")
    return data


def _tlv(data: bytes) -> list[tuple[int, bytes]]:
    """Type and value of each entry; type and length are one byte each."""
    entries: list[tuple[int, bytes]] = []
    rest = data
    while rest:
        if len(rest) < 2 or len(rest) < 2 + rest[1]:
            raise Nip19Error("a type-length-value entry is cut short")
        entries.append((rest[0], rest[2 : 2 + rest[1]]))
        rest = rest[2 + rest[1] :]
    return entries


def _relay(value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError as error:
        raise Nip19Error("a relay address is ASCII") from error
