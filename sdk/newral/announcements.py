"""Finding a coordinator by what it announces on the relays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from newral.errors import NotFound
from newral_spec.event import Event
from newral_spec.kinds import Kind
from newral_spec.messages import Announcement, InvalidMessage, decode_announcement
from newral_spec.messages.announcement import IDENTIFIER
from newral_spec.nips.nip19 import encode_npub
from newral_spec.session.filters import Filter

FILTER: Final = Filter(kinds=(Kind.ANNOUNCEMENT,), tags={"d": (IDENTIFIER,)})


def of(coordinator: str) -> Filter:
    """The filter for one coordinator's announcement."""
    return replace(FILTER, authors=(coordinator,))


def only_coordinator(events: Iterable[Event]) -> str:
    """The one coordinator that the verified events announce. Raises `NotFound`."""
    found = sorted({event.pubkey for event in events if _decode(event) is not None})
    if not found:
        raise NotFound("no coordinator announces itself on these relays: name one")
    if len(found) > 1:
        names = ", ".join(encode_npub(key) for key in found[:5])
        raise NotFound(f"there are {len(found)} coordinators on these relays, name one: {names}")
    return found[0]


def newest(events: Iterable[Event], coordinator: str) -> Announcement:
    """The coordinator's latest announcement among verified events. Raises `NotFound`."""
    mine = sorted(
        (event for event in events if event.pubkey == coordinator),
        key=lambda event: event.created_at,
        reverse=True,
    )
    for event in mine:
        announcement = _decode(event)
        if announcement is not None:
            return announcement
    raise NotFound(f"no relay has an announcement of {encode_npub(coordinator)}")


def _decode(event: Event) -> Announcement | None:
    try:
        return decode_announcement(event)
    except InvalidMessage:
        return None
