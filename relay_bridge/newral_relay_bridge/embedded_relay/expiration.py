"""NIP-40: when an event ceases to be of interest."""

from __future__ import annotations

from newral_spec.event import CREATED_AT_MAX, Event


def expires_at(event: Event) -> int | None:
    """The `expiration` tag in Unix seconds, or `None`; a malformed one is none."""
    value = event.first("expiration")
    if value is None or not (value.isascii() and value.isdigit() and len(value) <= 16):
        return None
    return min(int(value), CREATED_AT_MAX)
