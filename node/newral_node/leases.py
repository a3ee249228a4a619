"""A lease as the node's core keeps it, and the rules for taking one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import msgspec

from newral_node.settings import Settings
from newral_node.states import FINAL, TRANSITIONS, InvalidTransition, LeaseState
from newral_spec import limits
from newral_spec.canonical import NotCanonical, canonical_json
from newral_spec.messages import BlobRef, Lease

SPEC_BLOB_BYTES_MAX: Final = 32 * 1024 * 1024
"""A unit's parameters as a blob: some 300,000 Carmichael numbers with their factors."""

_STORY_MAX: Final = 32
"""Transitions remembered for an error message; pausing and resuming may repeat for days."""


@dataclass(slots=True, kw_only=True)
class Held:
    """A lease and what the node knows about it. Times are Unix seconds."""

    lease: Lease
    """Without its `spec`: that lies in the store."""
    state: LeaseState
    reason: str = ""
    progress: float = 0.0
    crashes: int = 0
    suspending: bool = False
    checkpoint: bytes | None = None
    """The worker's last state, while it is newer than the stored one."""
    checkpoint_saved_at: float = 0.0
    result_bytes: int = 0
    finished_at: float = 0.0
    uploading: bool = False
    upload_failures: int = 0
    upload_refusals: int = 0
    upload_due_at: float = 0.0
    story: deque[LeaseState] = field(default_factory=lambda: deque(maxlen=_STORY_MAX))

    def __post_init__(self) -> None:
        self.story.append(self.state)

    def move(self, finish: LeaseState, reason: str = "") -> None:
        """Raises `InvalidTransition` unless the table has this transition."""
        if finish not in TRANSITIONS[self.state]:
            raise InvalidTransition(self.lease.id, self.state, finish, self.story)
        self.state = finish
        self.reason = reason
        self.story.append(finish)

    @property
    def needs_upload(self) -> bool:
        """Whether the result is too large for an event and not on the blob server yet."""
        return (
            self.state is LeaseState.COMPUTED and self.result_bytes > limits.INLINE_RESULT_BYTES_MAX
        )

    @property
    def ended(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.state in FINAL


def without_spec(lease: Lease) -> Lease:
    """The same lease without its parameters."""
    return msgspec.structs.replace(lease, spec=None)


def refusal(lease: Lease, settings: Settings, now: float) -> str | None:
    """Why this node will not compute the lease, or None."""
    offered = next(
        (offer for offer in settings.kernels if offer.name == lease.kernel),
        None,
    )
    if offered is None:
        known = ", ".join(sorted(offer.name for offer in settings.kernels))
        return f"this node has no kernel {lease.kernel!r}; it has {known}"
    if offered.version != lease.version:
        return f"this node has {lease.kernel} {offered.version}, not {lease.version}"
    if offered.identity != lease.identity:
        return (
            f"this node's {lease.kernel} {lease.version} has identity {offered.identity}, "
            f"not {lease.identity}"
        )
    if lease.deadline <= now:
        return "the deadline has passed"
    if lease.memory_bytes_max > settings.memory_bytes:
        return (
            f"a unit may use {settings.memory_bytes} bytes of memory here, "
            f"not {lease.memory_bytes_max}"
        )
    return _spec_refusal(lease.spec, lease.blob)


def _spec_refusal(spec: dict[str, object] | None, blob: BlobRef | None) -> str | None:
    if blob is not None and blob.size > SPEC_BLOB_BYTES_MAX:
        return f"a unit's parameters have at most {SPEC_BLOB_BYTES_MAX} bytes, not {blob.size}"
    if spec is None:
        return None
    try:
        size = len(canonical_json(spec))
    except NotCanonical as error:
        return f"the unit's parameters: {error}"[: limits.REASON_CHARS_MAX]
    if size > limits.INLINE_UNIT_BYTES_MAX:
        return f"parameters in a lease have at most {limits.INLINE_UNIT_BYTES_MAX} bytes"
    return None
