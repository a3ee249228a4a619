"""Feedback (kind 7000): what becomes of a job."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec

from newral_spec.event import Draft, Event
from newral_spec.kinds import Kind
from newral_spec.messages.fields import (
    Hex32,
    InvalidMessage,
    Reason,
    decimal_tag,
    hex_tag,
    require_kind,
    required_tag,
    tags_of,
)

Phase = Literal["accepted", "running", "completed", "failed", "cancelled", "expired", "refused"]
Status = Literal["payment-required", "processing", "error", "success", "partial"]

STATUS_OF_PHASE: Final[dict[Phase, Status]] = {
    "accepted": "processing",
    "running": "processing",
    "completed": "success",
    "failed": "error",
    "cancelled": "error",
    "expired": "error",
    "refused": "error",
}
_PROGRESS: Final = re.compile(r"0(\.[0-9]{1,16})?|1(\.0{1,16})?")

FINAL_PHASES: Final = frozenset({"completed", "failed", "cancelled", "expired", "refused"})


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """A job's phase, for the one who asked."""

    request: Hex32
    requester: Hex32
    phase: Phase
    status: Status
    """NIP-90's word: `STATUS_OF_PHASE`, or `payment-required` when refused for want of funds."""
    progress: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    eta_s: Annotated[int, msgspec.Meta(ge=0)] | None = None
    reason: Reason = ""
    code: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    """A refusal's machine-readable reason, as `InvalidMessage.code` or a policy's name."""


def encode_feedback(feedback: Feedback) -> Draft:
    """Tags carry everything; the content says the same to a person."""
    progress = None if feedback.progress is None else f"{feedback.progress:.4f}"
    tags = (
        ("status", feedback.status, feedback.reason),
        ("e", feedback.request),
        ("p", feedback.requester),
        *tags_of(
            {
                "phase": feedback.phase,
                "progress": progress,
                "eta": None if feedback.eta_s is None else str(feedback.eta_s),
                "code": feedback.code,
            }
        ),
    )
    return Draft(kind=Kind.FEEDBACK, tags=tags, content=feedback.reason)


def decode_feedback(event: Event) -> Feedback:
    """Parse a verified event. Raises `InvalidMessage`.

    Other service providers' feedback has no `phase`; it is derived from the status.
    """
    require_kind(event, Kind.FEEDBACK)
    status = required_tag(event, "status").replace("_", "-")
    progress = event.first("progress")
    reason = next((tag[2] for tag in event.tags if tag[0] == "status" and len(tag) > 2), "")
    fields = {
        "request": hex_tag(event, "e"),
        "requester": hex_tag(event, "p"),
        "phase": event.first("phase") or _phase_of_status(status),
        "status": status,
        "progress": None if progress is None else _progress(progress),
        "eta_s": decimal_tag(event, "eta"),
        "reason": reason,
        "code": event.first("code"),
    }
    try:
        return msgspec.convert(fields, Feedback)
    except msgspec.ValidationError as error:
        raise InvalidMessage("feedback", f"not a feedback: {error}") from error


def _phase_of_status(status: str) -> str:
    return {"processing": "running", "partial": "running", "success": "completed"}.get(
        status, "refused"
    )


def _progress(text: str) -> float:
    if _PROGRESS.fullmatch(text) is None:
        raise InvalidMessage("bad_progress", "progress is a decimal number between 0 and 1")
    return float(text)
