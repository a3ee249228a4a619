"""A stage of a job's workflow."""

from enum import StrEnum
from typing import Final

from newral_coordinator.states.transition import Table


class StageState(StrEnum):
    """A stage runs when those it depends on have ended, and then only if its condition holds."""

    BLOCKED = "blocked"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"


TRANSITIONS: Final[Table[StageState]] = {
    StageState.BLOCKED: frozenset({StageState.RUNNING, StageState.SKIPPED}),
    StageState.RUNNING: frozenset({StageState.DONE}),
    StageState.DONE: frozenset(),
    StageState.SKIPPED: frozenset(),
}
