"""Reading what relays deliver: only the coordinator's own words to this node count."""

from __future__ import annotations

from newral_spec import limits
from newral_spec.event import Event
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.messages import (
    Announcement,
    InvalidMessage,
    LeaseOffer,
    Receipt,
    decode_announcement,
    decode_lease_offer,
    decode_receipt,
)
from newral_spec.messages.announcement import IDENTIFIER
from newral_spec.sealing import unseal
from newral_spec.session import Filter


class Ignored(Exception):
    """The event is not for this node to act upon; the message says why."""


def filters(coordinator: str, node: str, receipts_since: int) -> tuple[Filter, ...]:
    """What to subscribe to. `receipts_since` is in Unix seconds."""
    to_us = {"p": (node,)}
    return (
        Filter(kinds=(Kind.LEASE,), authors=(coordinator,), tags=to_us),
        Filter(kinds=(Kind.RECEIPT,), authors=(coordinator,), tags=to_us, since=receipts_since),
        Filter(kinds=(Kind.ANNOUNCEMENT,), authors=(coordinator,), tags={"d": (IDENTIFIER,)}),
    )


def read(
    event: Event, *, secret: SecretKey, coordinator: str, now: float
) -> LeaseOffer | Receipt | Announcement:
    """The message in an event whose signature was verified. Raises `Ignored`.

    A relay may send anything: what was asked for is checked again here.
    """
    if event.pubkey != coordinator:
        raise Ignored(f"signed by {event.pubkey}, not by the coordinator")
    try:
        match event.kind:
            case Kind.ANNOUNCEMENT:
                return decode_announcement(event)
            case Kind.RECEIPT:
                receipt = decode_receipt(event)
                if receipt.provider != secret.public_key:
                    raise Ignored(f"addressed to {receipt.provider}")
                return receipt
            case Kind.LEASE:
                return _offer(event, secret, now)
            case _:
                raise Ignored(f"kind {event.kind} was not asked for")
    except InvalidMessage as error:
        raise Ignored(f"the coordinator's event {event.id}: {error}") from error


def _offer(event: Event, secret: SecretKey, now: float) -> LeaseOffer:
    if event.values("p") != (secret.public_key,):
        raise Ignored("an offer to somebody else")
    # Ephemeral events are not stored; an old one is a replay.
    if abs(event.created_at - now) > limits.CLOCK_SKEW_S:
        raise Ignored(f"an offer of {event.created_at}, it is {now:.0f}: check the clock")
    return decode_lease_offer(event, unseal(event, secret))
