"""What a client knows of jobs: values, and how news about them are ordered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from newral_spec.event import Event
from newral_spec.messages import FINAL_PHASES, Feedback, InvalidMessage, Phase, decode_feedback


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job that was posted: at least one relay has it."""

    id: str
    coordinator: str
    request: Event
    relays: tuple[str, ...]
    """Those that acknowledged the request."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """A job's answer, checked against the coordinator's signed result."""

    job: str
    value: Any
    """Plain JSON data."""
    raw: bytes
    """The canonical JSON that `sha256` names."""
    sha256: str
    cost: int
    """What the job cost, in micro-credits."""
    log_size: int
    """Size of the coordinator's log that holds every verdict of the job."""


@dataclass(frozen=True, kw_only=True)
class JobView:
    """One of the requester's own jobs and the latest news of it."""

    id: str
    posted_at: int
    """Unix seconds, as the request says."""
    title: str
    phase: Phase | None
    """None while no coordinator has answered."""
    progress: float | None
    eta_s: int | None
    reason: str


def decode_news(event: Event, job: str) -> Feedback | None:
    """The feedback in a verified event, or None when it is not about `job` or malformed."""
    try:
        feedback = decode_feedback(event)
    except InvalidMessage:
        return None
    return feedback if feedback.request == job else None


def latest(news: Iterable[tuple[int, Feedback]]) -> Feedback | None:
    """The feedback that counts among pairs of `created_at` and feedback.

    Relays repeat and reorder, and `created_at` has one second's resolution: a final phase
    outranks any other, then the later date, then the farther progress.
    """
    return max(news, key=_rank, default=(0, None))[1]


def _rank(item: tuple[int, Feedback]) -> tuple[bool, int, bool, float]:
    created_at, feedback = item
    return (
        feedback.phase in FINAL_PHASES,
        created_at,
        feedback.phase != "accepted",
        feedback.progress or 0.0,
    )
