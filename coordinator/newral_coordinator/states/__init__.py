"""The state machines: one module each, with one transition table."""

from newral_coordinator.states.job import JobState
from newral_coordinator.states.lease import LeaseState
from newral_coordinator.states.stage import StageState
from newral_coordinator.states.transition import InvalidTransition, advance
from newral_coordinator.states.unit import UnitState

__all__ = ["InvalidTransition", "JobState", "LeaseState", "StageState", "UnitState", "advance"]
