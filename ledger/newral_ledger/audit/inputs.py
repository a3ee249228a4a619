"""What an audit looks at. Nothing in it is believed yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from newral_spec.event import Event


@dataclass(frozen=True, slots=True)
class ClaimedBalances:
    """The balances that the coordinator states, in micro-credits, and the log size they are of."""

    log_size: int
    balances: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditInputs:
    """A coordinator's trail, as it was obtained."""

    coordinator: str
    """The public key that the trail is audited against, from the auditor, not from the trail."""
    entries: tuple[bytes, ...]
    """The log, from its first entry on."""
    checkpoints: tuple[Event, ...] = ()
    """Of the coordinator, from wherever they were found, in any order."""
    receipts: tuple[Event, ...] = ()
    """Of the coordinator, in any order."""
    events: Mapping[str, bytes] = field(default_factory=dict)
    """Requests and sealed results as raw JSON, by the id under which the log names them."""
    claimed: ClaimedBalances | None = None
