"""What the bridge counts, for its status."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class RelayCounts:
    """Since the start, of one relay."""

    received: int = 0
    duplicates: int = 0
    """Received, but known from another relay or from before."""
    forged: int = 0
    """Received with an id or a signature that does not hold."""
    published: int = 0
    refused: int = 0
    """Publications that the relay refused for good."""


@dataclass(slots=True)
class Counts:
    """Since the start, of all relays."""

    relays: dict[str, RelayCounts]
    admitted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """Authentic but not admitted, by the policy's code."""
    unreported: int = 0
    """Of those rejected: their author sends so many that nobody is told of these."""
    malformed: int = 0
    """Records to be published that hold no event."""
    outdated: int = 0
    """Ephemeral events that were too old to publish when their turn came."""
    abandoned: int = 0
    """Publications given up for one relay after many attempts."""

    def to_dict(self) -> dict[str, Any]:
        """All but the relays' own, as JSON's types."""
        totals = {name: value for name, value in asdict(self).items() if name != "relays"}
        return {**totals, "rejected": dict(self.rejected)}
