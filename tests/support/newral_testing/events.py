"""Signed events for tests, dated now unless told otherwise."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

from newral_spec.event import Event, sign_event
from newral_spec.keys import SecretKey


def new_key() -> SecretKey:
    return SecretKey(secrets.token_bytes(32))


def event_of(
    author: SecretKey,
    kind: int,
    content: str = "",
    *,
    tags: Iterable[Iterable[str]] = (),
    age_s: int = 0,
) -> Event:
    """`age_s` may be negative for a date that lies ahead."""
    return sign_event(
        author, kind=kind, created_at=int(time.time()) - age_s, content=content, tags=tags
    )
