"""Blossom authorisation (BUD-01, BUD-02): leave to act on one blob, signed into an HTTP header."""

from __future__ import annotations

import re
from typing import Final, Literal

from newral_spec import event, keys, limits
from newral_spec.kinds import Kind
from newral_spec.nips import authorization_header

Verb = Literal["get", "upload", "list", "delete"]

_TIMESTAMP: Final = re.compile(r"[0-9]{1,16}")


class BlossomError(ValueError):
    """The header does not authorise this action; the message says why."""


def authorization(
    secret: keys.SecretKey, verb: Verb, sha256: str | None, expiration: int, now: int
) -> str:
    """The `Authorization` header's value.

    `sha256` names the blob in hexadecimal, None for `list`; times are in Unix seconds.
    """
    tags = [("t", verb), ("expiration", str(expiration))]
    if sha256 is not None:
        tags.append(("x", sha256))
    signed = event.sign_event(
        secret,
        kind=Kind.BLOSSOM_AUTHORIZATION,
        created_at=now,
        content=f"{verb.capitalize()} {sha256 or 'blobs'}",
        tags=tags,
    )
    return authorization_header.encode(signed)


def verify(header: str, verb: Verb, sha256: str | None, now: int) -> str:
    """The public key that authorised `verb` on the blob `sha256`. Raises `BlossomError`.

    Such a header may be used again until it expires: the actions are idempotent.
    """
    try:
        signed = authorization_header.decode(header)
    except authorization_header.InvalidHeader as error:
        raise BlossomError(str(error)) from error
    if signed.kind != Kind.BLOSSOM_AUTHORIZATION:
        raise BlossomError(f"the event's kind is {Kind.BLOSSOM_AUTHORIZATION}, not {signed.kind}")
    _check_time(signed, now)
    if signed.values("t") != (verb,):
        raise BlossomError(f"the event does not authorise '{verb}'")
    # BUD-01 lets an event name a server instead of blobs; such a one was not signed for this blob.
    if sha256 is not None and sha256 not in signed.values("x"):
        raise BlossomError(f"the event does not name the blob {sha256}")
    return signed.pubkey


def _check_time(signed: event.Event, now: int) -> None:
    if signed.created_at > now + limits.CLOCK_SKEW_S:
        raise BlossomError(f"the event is from the future: {signed.created_at}, it is {now}")
    expiration = signed.values("expiration")
    if len(expiration) != 1 or _TIMESTAMP.fullmatch(expiration[0]) is None:
        raise BlossomError("the event has one 'expiration' tag, in Unix seconds")
    if int(expiration[0]) <= now:
        raise BlossomError(f"the event expired at {expiration[0]}, it is {now}")
