"""Announcements (kind 31990, NIP-89): who coordinates, with which kernels, where, at what price."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from newral_spec.event import Draft, Event
from newral_spec.kinds import Kind
from newral_spec.messages.fields import (
    InvalidMessage,
    Microcredits,
    Name,
    Url,
    decode_content,
    encode_content,
    require_kind,
    required_tag,
)
from newral_spec.messages.work import KernelOffer

IDENTIFIER: Final = "newral-coordinator"


class Announcement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of the announcement."""

    name: Annotated[str, msgspec.Meta(max_length=128)]
    about: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    software: Annotated[str, msgspec.Meta(max_length=64)]
    kernels: Annotated[tuple[KernelOffer, ...], msgspec.Meta(max_length=256)]
    relays: Annotated[tuple[Url, ...], msgspec.Meta(max_length=16)]
    blobs: Url
    """Base URL of the blob server, which serves the trail too."""
    price: Microcredits
    """Micro-credits for one reference-core second of validated work."""
    quorum: Annotated[int, msgspec.Meta(ge=1, le=16)]
    grant: Microcredits = 0
    """What a requester's key gets when it posts its first job."""
    work_bits: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    """NIP-13 proof of work that a job request must show."""
    short_forms: Annotated[tuple[Name, ...], msgspec.Meta(max_length=256)] = ()
    """Kernels that a plain note or message may ask for by name."""


def encode_announcement(announcement: Announcement) -> Draft:
    """Addressable: a newer one replaces it."""
    tags = (
        ("d", IDENTIFIER),
        ("k", str(Kind.JOB_REQUEST)),
        ("k", str(Kind.JOB_REQUEST_ALTERNATIVE)),
    )
    return Draft(kind=Kind.ANNOUNCEMENT, tags=tags, content=encode_content(announcement))


def decode_announcement(event: Event) -> Announcement:
    """Parse a verified event. Raises `InvalidMessage`."""
    require_kind(event, Kind.ANNOUNCEMENT)
    if required_tag(event, "d") != IDENTIFIER:
        raise InvalidMessage("bad_d", f"tag 'd' must be {IDENTIFIER!r}")
    return decode_content(event.content, Announcement)
