"""The one table of event kinds. Everything else refers to a kind by its name here."""

from __future__ import annotations

from enum import IntEnum


class Kind(IntEnum):
    """Nostr event kinds that Newral speaks, with their direction.

    5000 to 7000 are NIP-90; 30382 is NIP-85; the rest of our own were free in the NIPs, the
    registry of kinds and the DVM registry in July 2026.
    """

    NOTE = 1
    """NIP-01 text note: a job in plain words, and the answer to one."""
    ENCRYPTED_DIRECT_MESSAGE = 4
    """NIP-04 direct message: accepted, never sent."""
    DELETION = 5
    """NIP-09 deletion request: cancels the requester's own job."""
    SEAL = 13
    """NIP-59 seal: inside a gift wrap."""
    CHAT_MESSAGE = 14
    """NIP-17 chat message: inside a seal."""
    GIFT_WRAP = 1059
    """NIP-59 gift wrap: a private message in either direction."""
    SEALED_RESULT = 3990
    """node → coordinator: commitments in public, results encrypted."""
    RECEIPT = 3991
    """coordinator → provider and requester: verdicts, credits, reveals."""
    CHECKPOINT = 3992
    """coordinator → all: size and root of the log."""
    JOB_REQUEST = 5990
    """requester → coordinator: NIP-90 shaped."""
    JOB_REQUEST_ALTERNATIVE = 5999
    """requester → coordinator: a second kind that clients use for the same."""
    JOB_RESULT = 6990
    """coordinator → requester."""
    FEEDBACK = 7000
    """coordinator → requester: NIP-90 job feedback."""
    RELAY_LIST = 10002
    """NIP-65 relay list."""
    CLIENT_AUTHENTICATION = 22242
    """NIP-42: answer to a relay's challenge; never stored."""
    BLOSSOM_AUTHORIZATION = 24242
    """BUD-01: permission for one action on one blob, in an HTTP header."""
    WORK_REQUEST = 25990
    """node → coordinator, ephemeral: what the node has, wants and holds."""
    LEASE = 25991
    """coordinator → node, ephemeral: units to compute."""
    HTTP_AUTHORIZATION = 27235
    """NIP-98, in an HTTP header."""
    ANNOUNCEMENT = 31990
    """coordinator → all: NIP-89 handler information."""


def is_ephemeral(kind: int) -> bool:
    """Whether relays forward events of this kind without storing them (NIP-01)."""
    return 20000 <= kind < 30000


def is_replaceable(kind: int) -> bool:
    """Whether a newer event of this kind by the same key replaces the older (NIP-01)."""
    return kind in (0, 3) or 10000 <= kind < 20000


def is_addressable(kind: int) -> bool:
    """Whether events of this kind are replaced by key and `d` tag (NIP-01)."""
    return 30000 <= kind < 40000
