"""What can be set about the embedded relay, and the limits that it advertises and enforces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from newral_spec import limits

STORED_EVENTS_MAX: Final = 5000
"""Events returned for one filter. Ids alone are held; the events are read as they are sent."""

CONNECTIONS_MAX: Final = 512

SUBSCRIPTIONS_MAX: Final = 64
"""Open at once on one connection."""

EPHEMERAL_AGE_S: Final = 60
"""An older ephemeral event has missed its listeners; strfry draws the same line."""

FUTURE_S: Final = limits.CLOCK_SKEW_S
"""How far ahead of our clock an event may be dated."""

QUERY_S: Final = 5.0
"""A query of the stored events that takes longer is given up."""

OUTBOX_BYTES_MAX: Final = 1024 * 1024
"""Waiting for one client; beyond it the client's own requests, or the publishers, wait."""

STALLED_S: Final = 5.0
"""How long publishers wait for a subscriber that does not read, before it is disconnected."""

BATCH_EVENTS_MAX: Final = 256
BATCH_BYTES_MAX: Final = 1024 * 1024
"""Verified and committed together."""

PURGE_INTERVAL_S: Final = 60.0
"""Expired events are never served; this often they are also removed from the disk."""


@dataclass(frozen=True, kw_only=True)
class RelayConfig:
    """Where the relay listens and keeps its events, and whom it serves."""

    database: Path
    host: str = "127.0.0.1"
    port: int = 0
    """0 takes any free port."""
    public_url: str | None = None
    """How clients reach the relay, when not by host and port; NIP-42 answers must name it."""
    require_auth: bool = False
    """Serve only clients that have authenticated (NIP-42)."""
    name: str = "Newral embedded relay"
    description: str = "A small relay that keeps what Newral needs on this machine."
