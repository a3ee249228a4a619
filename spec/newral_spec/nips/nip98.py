"""NIP-98: an HTTP request authorised by a signed event in its header."""

from __future__ import annotations

from typing import Final

from newral_spec import event, keys
from newral_spec.kinds import Kind
from newral_spec.nips import authorization_header

WINDOW_S: Final = 60
"""How far the event's time may lie from the server's, either way: NIP-98's suggestion."""


class Nip98Error(ValueError):
    """The header does not authorise this request; the message says why."""


def authorization(
    secret: keys.SecretKey, url: str, method: str, payload_sha256: str | None, now: int
) -> str:
    """The `Authorization` header's value for one request.

    `url` is absolute with its query; `payload_sha256` is the body's digest in hexadecimal, or
    None without a body; `now` is in Unix seconds.
    """
    tags = [("u", url), ("method", method)]
    if payload_sha256 is not None:
        tags.append(("payload", payload_sha256))
    signed = event.sign_event(secret, kind=Kind.HTTP_AUTHORIZATION, created_at=now, tags=tags)
    return authorization_header.encode(signed)


def verify(
    header: str,
    url: str,
    method: str,
    payload_sha256: str | None,
    now: int,
    window_s: int = WINDOW_S,
) -> str:
    """The public key that authorised exactly this request. Raises `Nip98Error`.

    A header works again until its window ends: see `verified_event` where that matters.
    """
    return verified_event(header, url, method, payload_sha256, now, window_s).pubkey


def verified_event(
    header: str,
    url: str,
    method: str,
    payload_sha256: str | None,
    now: int,
    window_s: int = WINDOW_S,
) -> event.Event:
    """As `verify`, for a server that remembers ids for `2 * window_s` seconds to stop replays."""
    try:
        signed = authorization_header.decode(header)
    except authorization_header.InvalidHeader as error:
        raise Nip98Error(str(error)) from error
    if signed.kind != Kind.HTTP_AUTHORIZATION:
        raise Nip98Error(f"the event's kind is {Kind.HTTP_AUTHORIZATION}, not {signed.kind}")
    if abs(now - signed.created_at) > window_s:
        raise Nip98Error(f"the event's time is {signed.created_at}, the server's {now}")
    payload = () if payload_sha256 is None else (payload_sha256,)
    for name, expected in (("u", (url,)), ("method", (method,)), ("payload", payload)):
        if signed.values(name) != expected:
            raise Nip98Error(f"the event was signed for another request: its '{name}' differs")
    return signed
