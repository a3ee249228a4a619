"""Which events the relay takes: small functions from an event to a rejection, or `None`."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Final

from newral_relay_bridge.embedded_relay.config import EPHEMERAL_AGE_S, FUTURE_S
from newral_relay_bridge.embedded_relay.expiration import expires_at
from newral_spec.event import Event
from newral_spec.kinds import is_ephemeral


@dataclass(frozen=True)
class Context:
    """Who publishes, and when (Unix seconds)."""

    now: int
    authenticated: Set[str]


Policy = Callable[[Event, Context], str | None]
"""The rejection is an `OK` message with its NIP-01 prefix."""


def refuse_future(event: Event, context: Context) -> str | None:
    """A date that lies ahead would stay on top of every query."""
    if event.created_at > context.now + FUTURE_S:
        return f"invalid: dated more than {FUTURE_S} seconds ahead"
    return None


def refuse_expired(event: Event, context: Context) -> str | None:
    """NIP-40."""
    expiry = expires_at(event)
    if expiry is not None and expiry <= context.now:
        return "invalid: the event has expired"
    return None


def refuse_stale_ephemeral(event: Event, context: Context) -> str | None:
    """An ephemeral event is for who listens now."""
    if is_ephemeral(event.kind) and event.created_at < context.now - EPHEMERAL_AGE_S:
        return f"invalid: an ephemeral event older than {EPHEMERAL_AGE_S} seconds"
    return None


def refuse_protected(event: Event, context: Context) -> str | None:
    """NIP-70: an event with a `-` tag is taken from its author only."""
    if ("-",) not in event.tags or event.pubkey in context.authenticated:
        return None
    if not context.authenticated:
        return "auth-required: a protected event is taken from its author only"
    return "restricted: a protected event is taken from its author only"


POLICIES: Final[tuple[Policy, ...]] = (
    refuse_future,
    refuse_expired,
    refuse_stale_ephemeral,
    refuse_protected,
)


def rejection(event: Event, context: Context) -> str | None:
    """The first policy's objection."""
    return next((why for policy in POLICIES if (why := policy(event, context))), None)
