"""A unit: what is lent, computed and accepted, exactly once."""

from enum import StrEnum
from typing import Final

from newral_coordinator.states.transition import Table


class UnitState(StrEnum):
    """A unit is planned when it is about to be needed, so it starts ready.

    It is lent to one provider at a time: whether another replica is needed is decided when a
    result is back, by what that result proves.
    """

    READY = "ready"
    LEASED = "leased"
    RETURNED = "returned"
    DISPUTED = "disputed"
    ACCEPTED = "accepted"
    ABANDONED = "abandoned"


TRANSITIONS: Final[Table[UnitState]] = {
    UnitState.READY: frozenset({UnitState.LEASED, UnitState.ABANDONED}),
    UnitState.LEASED: frozenset({UnitState.READY, UnitState.RETURNED, UnitState.ABANDONED}),
    UnitState.RETURNED: frozenset({UnitState.READY, UnitState.ACCEPTED, UnitState.DISPUTED}),
    UnitState.DISPUTED: frozenset({UnitState.READY}),
    UnitState.ACCEPTED: frozenset(),
    UnitState.ABANDONED: frozenset(),
}
