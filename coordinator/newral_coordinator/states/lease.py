"""A lease: one unit, one provider, one attempt."""

from enum import StrEnum
from typing import Final

from newral_coordinator.states.transition import Table


class LeaseState(StrEnum):
    """A sealed lease holds a commitment; revealing it is giving the verdict."""

    OFFERED = "offered"
    STARTED = "started"
    SEALED = "sealed"
    REVEALED = "revealed"
    EXPIRED = "expired"
    REFUSED = "refused"
    FAILED = "failed"


TRANSITIONS: Final[Table[LeaseState]] = {
    LeaseState.OFFERED: frozenset(
        {LeaseState.STARTED, LeaseState.SEALED, LeaseState.EXPIRED, LeaseState.REFUSED}
    ),
    LeaseState.STARTED: frozenset({LeaseState.SEALED, LeaseState.EXPIRED, LeaseState.REFUSED}),
    LeaseState.SEALED: frozenset({LeaseState.REVEALED, LeaseState.FAILED}),
    LeaseState.REVEALED: frozenset(),
    LeaseState.EXPIRED: frozenset(),
    LeaseState.REFUSED: frozenset(),
    LeaseState.FAILED: frozenset(),
}

ACTIVE: Final = frozenset({LeaseState.OFFERED, LeaseState.STARTED})
"""States in which a result may still come."""
