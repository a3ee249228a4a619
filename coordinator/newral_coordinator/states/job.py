"""A job, from the moment its request was understood."""

from enum import StrEnum
from typing import Final

from newral_coordinator.states.transition import Table


class JobState(StrEnum):
    """Accepting escrows the budget; the last four are ends."""

    POSTED = "posted"
    ACCEPTED = "accepted"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"


_ENDS: Final = frozenset(
    {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED}
)

TRANSITIONS: Final[Table[JobState]] = {
    JobState.POSTED: frozenset({JobState.ACCEPTED, JobState.REFUSED}),
    JobState.ACCEPTED: frozenset({JobState.RUNNING}) | _ENDS,
    JobState.RUNNING: _ENDS,
    JobState.COMPLETED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
    JobState.EXPIRED: frozenset(),
    JobState.REFUSED: frozenset(),
}
