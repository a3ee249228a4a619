"""The coordinator's records: frozen, changed by `evolve`, stored as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from newral_coordinator.states import JobState, LeaseState, StageState, UnitState, advance
from newral_coordinator.states import job as job_states
from newral_coordinator.states import lease as lease_states
from newral_coordinator.states import stage as stage_states
from newral_coordinator.states import unit as unit_states
from newral_spec.messages import Stage, WorkRequest

Form = Literal["native", "nip90", "note", "message"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that was accepted. Times are Unix seconds, amounts micro-credits."""

    id: str
    requester: str
    state: JobState
    form: Form
    encrypted: bool
    workflow: tuple[Stage, ...]
    request_event: str
    """The request as JSON, for the result's `request` tag and for replies."""
    relays: tuple[str, ...]
    budget: int
    """What was escrowed."""
    spent: int = 0
    """What of it was paid to providers, once the job has ended."""
    cost_s: float
    """Estimated work of one computation of every unit that can be foreseen."""
    deadline: int
    accepted_at: int
    ended_at: int | None = None
    reason: str = ""
    output_sha256: str | None = None
    output_size: int | None = None
    reported_progress: float = 0.0
    reported_at: int = 0

    def evolve(self, state: JobState, story: str, **changes: Any) -> Job:
        """The job in its next state. Raises `InvalidTransition`."""
        advance(job_states.TRANSITIONS, f"job {self.id}", self.state, state, story)
        return replace(self, state=state, **changes)

    @property
    def private(self) -> bool:
        """Whether only requester, coordinator and providers may know what it computes."""
        return self.encrypted or self.form == "message"

    @property
    def active(self) -> bool:
        """Whether units of it may be lent."""
        return self.state in (JobState.ACCEPTED, JobState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """A stage of an accepted job."""

    job: str
    name: str
    position: int
    """Index in the topological order."""
    state: StageState
    definition: Stage
    params: bytes | None = None
    """Canonical JSON of the effective parameters, once it runs."""
    cost_s: float = 0.0
    planned: int = 0
    exhausted: bool = False
    """Whether the plan has no further units."""
    accepted: int = 0
    accepted_cost_s: float = 0.0
    partial: bytes | None = None
    """Canonical JSON of the reduction of what has been folded so far."""
    folded: int = 0
    output_sha256: str | None = None
    output_size: int | None = None

    def evolve(self, state: StageState, story: str, **changes: Any) -> StageRun:
        """The stage in its next state. Raises `InvalidTransition`."""
        subject = f"stage {self.name} of job {self.job}"
        advance(stage_states.TRANSITIONS, subject, self.state, state, story)
        return replace(self, state=state, **changes)

    @property
    def ended(self) -> bool:
        """Whether those that depend on it may go on."""
        return self.state in (StageState.DONE, StageState.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit of a running stage."""

    id: str
    job: str
    stage: str
    position: int
    state: UnitState
    kernel: str
    version: str
    spec_sha256: str
    """Hash of kernel, version and parameters."""
    cost_s: float
    spec: bytes | None = None
    """Canonical JSON of the parameters, unless they are a blob."""
    blob_sha256: str | None = None
    blob_size: int | None = None
    fence: int = 0
    """How often it has been lent."""
    failures: int = 0
    result_sha256: str | None = None
    """Of the accepted result."""
    folded: bool = False
    """Whether the accepted result is part of the stage's partial output."""

    def evolve(self, state: UnitState, story: str, **changes: Any) -> Unit:
        """The unit in its next state. Raises `InvalidTransition`."""
        advance(unit_states.TRANSITIONS, f"unit {self.id}", self.state, state, story)
        return replace(self, state=state, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """A unit lent to a provider."""

    id: str
    unit: str
    job: str
    provider: str
    fence: int
    state: LeaseState
    price: int
    granted_at: int
    heard_at: int
    """When it was last offered, or last confirmed by its node."""
    deadline: int
    commitment: str | None = None
    nonce: str | None = None
    result_sha256: str | None = None
    result: bytes | None = None
    """Canonical JSON, unless it is a blob."""
    covered: float = 0.0
    """Share of completeness that the kernel's check verified."""

    def evolve(self, state: LeaseState, story: str, **changes: Any) -> LeaseRecord:
        """The lease in its next state. Raises `InvalidTransition`."""
        advance(lease_states.TRANSITIONS, f"lease {self.id}", self.state, state, story)
        return replace(self, state=state, **changes)

    @property
    def active(self) -> bool:
        """Whether a result may still come."""
        return self.state in lease_states.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What a node last said of itself."""

    key: str
    seen_at: int
    request: WorkRequest
    first_seen_at: int
