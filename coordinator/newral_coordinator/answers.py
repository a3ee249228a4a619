"""What a requester hears, in the form in which it asked."""

from __future__ import annotations

from newral_coordinator.instructions import Instruction, Publish, SendMessage
from newral_coordinator.jobs import Refusal, credits_text
from newral_coordinator.model import Form, Job
from newral_spec import limits
from newral_spec.canonical import parse_json
from newral_spec.event import Draft, Event, Tag, parse_event
from newral_spec.kinds import Kind
from newral_spec.messages import (
    STATUS_OF_PHASE,
    BlobRef,
    Feedback,
    JobResult,
    Phase,
    encode_feedback,
    encode_result,
)

TEXT_FIELDS_MAX = 20
"""Lines of an answer in plain words."""


def refusal(event: Event, job_id: str, form: Form, refused: Refusal) -> list[Instruction]:
    """Why the request is not taken.

    `event` is the one that the requester signed, `job_id` what the job would have been called.
    """
    text = f"refused ({refused.code}): {refused.reason}"
    if form == "message":
        return [SendMessage(recipient=event.pubkey, text=text, reply_to=job_id)]
    feedback = Feedback(
        request=job_id,
        requester=event.pubkey,
        phase="refused",
        status="payment-required" if refused.underfunded else "error",
        reason=refused.reason[: limits.REASON_CHARS_MAX],
        code=refused.code,
    )
    instructions: list[Instruction] = [Publish(draft=encode_feedback(feedback))]
    if form == "note":
        instructions.append(Publish(draft=_note(event, text)))
    return instructions


def phase(
    job: Job,
    reached: Phase,
    reason: str,
    *,
    progress: float | None = None,
    eta_s: int | None = None,
) -> list[Instruction]:
    """The job has reached a phase. Plain words say so only at the start and at a bad end."""
    if job.form == "message":
        if reached in ("running", "completed"):
            return []
        return [
            SendMessage(recipient=job.requester, text=f"{reached}: {reason}", reply_to=_rumor(job))
        ]
    feedback = Feedback(
        request=job.id,
        requester=job.requester,
        phase=reached,
        status=STATUS_OF_PHASE[reached],
        progress=progress,
        eta_s=eta_s,
        reason=reason[: limits.REASON_CHARS_MAX],
    )
    instructions: list[Instruction] = [Publish(draft=encode_feedback(feedback), relays=job.relays)]
    if job.form == "note" and reached in ("failed", "expired"):
        instructions.append(Publish(draft=_note(_request(job), f"{reached}: {reason}")))
    return instructions


def result(job: Job, output: bytes, url: str, log_size: int) -> list[Instruction]:
    """The answer of a completed job. `url` is the address of its output blob."""
    assert job.output_sha256 is not None
    if job.form == "message":
        text = f"{plain_words(output)}\n\nAll of it: {url}\nPaid: {credits_text(job.spent)} credits"
        return [SendMessage(recipient=job.requester, text=text, reply_to=_rumor(job))]
    inline = len(output) <= limits.INLINE_OUTPUT_BYTES_MAX
    message = JobResult(
        request=job.id,
        requester=job.requester,
        blob=BlobRef(job.output_sha256, len(output)),
        output=output.decode() if inline else "",
        urls=(url,),
        cost=job.spent,
        log_size=log_size,
        request_event=None if job.encrypted else job.request_event,
        inputs=() if job.encrypted else _inputs(job),
        encrypted=job.encrypted,
    )
    draft = encode_result(message)
    seal_to = job.requester if job.encrypted else None
    instructions: list[Instruction] = [Publish(draft=draft, seal_to=seal_to, relays=job.relays)]
    if job.form == "note":
        text = f"{plain_words(output)}\n\n{url}"
        instructions.append(Publish(draft=_note(_request(job), text)))
    return instructions


def plain_words(output: bytes) -> str:
    """An output for a person: its scalars line by line, its lists and objects by their sizes."""
    value = parse_json(output)
    if not isinstance(value, dict):
        return str(value)[: limits.REASON_CHARS_MAX]
    lines: list[str] = []
    for name, item in sorted(value.items(), key=lambda pair: isinstance(pair[1], list | dict)):
        if isinstance(item, list | dict):
            lines.append(f"{name}: {len(item)} entries")
        else:
            lines.append(f"{name}: {item}")
    return "\n".join(lines[:TEXT_FIELDS_MAX])[: limits.REASON_CHARS_MAX]


def _request(job: Job) -> Event:
    return parse_event(job.request_event)


def _inputs(job: Job) -> tuple[Tag, ...]:
    return tuple(tag for tag in _request(job).tags if tag[0] == "i")


def _rumor(job: Job) -> str | None:
    return job.id if job.form == "message" else None


def _note(event: Event, text: str) -> Draft:
    """A reply to a note (NIP-10)."""
    return Draft(
        kind=Kind.NOTE, tags=(("e", event.id, "", "root"), ("p", event.pubkey)), content=text
    )


__all__ = ["phase", "plain_words", "refusal", "result"]
