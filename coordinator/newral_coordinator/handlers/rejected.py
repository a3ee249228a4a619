"""Authentic events that the bridge did not admit: their senders are told why."""

from __future__ import annotations

from typing import Annotated

import msgspec

from newral_coordinator.instructions import Publish
from newral_coordinator.scope import Scope
from newral_spec.kinds import Kind
from newral_spec.messages import Feedback, encode_feedback
from newral_spec.messages.fields import Hex32, Reason

_ANSWERED = frozenset({Kind.JOB_REQUEST, Kind.JOB_REQUEST_ALTERNATIVE, Kind.NOTE})
"""Kinds whose refusal is answered; nodes learn of theirs from silence and their own logs."""


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the event log's topic `rejected`."""

    event: Hex32
    pubkey: Hex32
    kind: int
    code: Annotated[str, msgspec.Meta(max_length=64)]
    reason: Reason


async def handle_rejected(scope: Scope, value: bytes) -> None:
    """Answer an inadmissible request with signed feedback. Raises `msgspec.ValidationError`."""
    rejected = msgspec.json.decode(value, type=Rejected)
    if rejected.kind not in _ANSWERED:
        return
    feedback = Feedback(
        request=rejected.event,
        requester=rejected.pubkey,
        phase="refused",
        status="error",
        reason=rejected.reason,
        code=rejected.code,
    )
    await scope.run([Publish(draft=encode_feedback(feedback))])
