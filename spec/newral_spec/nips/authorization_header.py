"""`Authorization: Nostr …`: an event as an HTTP header, as NIP-98 and Blossom use it."""

from __future__ import annotations

import base64
from typing import Final

from newral_spec import event
from newral_spec.nips import base64_strict

HEADER_CHARS_MAX: Final = 8 * 1024
"""What HTTP servers commonly accept in one header line; an honest one has under 1,000."""

_SCHEME: Final = "Nostr"


class InvalidHeader(ValueError):
    """The header does not hold an event with a valid signature."""


def encode(signed: event.Event) -> str:
    """The header's value."""
    return f"{_SCHEME} {base64_strict.encode(signed.to_json())}"


def decode(header: str) -> event.Event:
    """The event, its id and signature verified. Raises `InvalidHeader`.

    Padding is optional and both base64 alphabets are read, because clients differ in it and the
    signature covers the event alone.
    """
    if len(header) > HEADER_CHARS_MAX:
        raise InvalidHeader(f"the header has at most {HEADER_CHARS_MAX} characters")
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != _SCHEME.lower():  # RFC 9110: schemes are case-insensitive
        raise InvalidHeader(f"the header starts with '{_SCHEME} '")
    try:
        signed = event.parse_event(_base64_any(encoded.strip()))
        event.verify_event(signed)
    except ValueError as error:
        raise InvalidHeader(f"the header holds no valid event: {error}") from error
    return signed


def _base64_any(text: str) -> bytes:
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
