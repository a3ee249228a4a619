"""When a work request is due, and what it lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from newral_node import settings
from newral_node.leases import Held
from newral_node.states import PENDING, LeaseState
from newral_spec import limits
from newral_spec.messages import Declined, Holding

_REPORTED: Final[dict[LeaseState, Literal["queued", "started"]]] = {
    LeaseState.FETCHING: "queued",
    LeaseState.QUEUED: "queued",
    LeaseState.STARTED: "started",
}


def holding(held: Iterable[Held]) -> tuple[Holding, ...]:
    """What a work request lists, unfinished leases first; more than `LEASES_MAX` do not fit."""
    ordered = sorted(held, key=lambda each: each.state not in PENDING)
    return tuple(
        Holding(each.lease.id, _REPORTED.get(each.state, "computed"), each.progress)
        for each in ordered[: limits.LEASES_MAX]
    )


class RequestClock:
    """Work requests are sent soon after something changed, and as a heartbeat."""

    def __init__(self) -> None:
        self._sent_at: float | None = None
        self._asked = True

    def ask(self) -> None:
        """Something changed that the coordinator should know."""
        self._asked = True

    def sent(self, now: float) -> None:
        """A work request was sent."""
        self._sent_at = now
        self._asked = False

    def due_at(self, now: float, *, busy: bool) -> float:
        """When the next one is due, in Unix seconds."""
        # Sent in the future: the clock was set back.
        if self._sent_at is None or self._sent_at > now:
            return now
        interval = settings.HEARTBEAT_BUSY_S if busy else settings.HEARTBEAT_IDLE_S
        return self._sent_at + (settings.REQUEST_GAP_S if self._asked else interval)


class Declines:
    """Leases that the node will not compute, as long as the coordinator may not know it."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[str, float]] = {}

    def add(self, lease: str, reason: str, now: float) -> None:
        """List the lease for a while. A newer one takes the place of the oldest."""
        self._said[lease] = (reason[: limits.REASON_CHARS_MAX], now)
        while len(self._said) > limits.LEASES_MAX:
            del self._said[next(iter(self._said))]

    def listed(self, now: float) -> tuple[Declined, ...]:
        """What the next work request lists."""
        self._said = {
            lease: (reason, at)
            for lease, (reason, at) in self._said.items()
            if 0 <= now - at < settings.DECLINED_SAID_S
        }
        return tuple(Declined(lease, reason) for lease, (reason, _) in self._said.items())
