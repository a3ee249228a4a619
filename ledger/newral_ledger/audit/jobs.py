"""Jobs: each asked for by a signed event, within its bid, and ended once."""

from __future__ import annotations

from collections.abc import Iterator

from newral_ledger.audit.evidence import Evidence, Unproven
from newral_ledger.audit.history import At, History, first_before
from newral_ledger.audit.report import Code, Difference
from newral_spec import trail
from newral_spec.event import Event
from newral_spec.kinds import Kind
from newral_spec.messages import InvalidMessage, parse_credits
from newral_spec.messages.job import CREDITS_UNIT, JOB_KINDS

SELF_NAMING_KINDS = (*JOB_KINDS, Kind.NOTE, Kind.ENCRYPTED_DIRECT_MESSAGE)
"""Requests whose own id is the job's. Of a private message only the seal is signed, whose id is
not the message's; what it says stays between requester and coordinator."""


def check_jobs(history: History, evidence: Evidence, coordinator: str) -> Iterator[Difference]:
    """Acceptances, and what they rest on."""
    for job, group in history.jobs.items():
        for at in group[1:]:
            yield Difference(
                Code.JOB_REPEATED, f"job {job} is accepted again", job, position=at.position
            )
        yield from _check_request(group[0], evidence, coordinator)
    for job, ends in history.ends.items():
        accepted = first_before(history.jobs.get(job), ends[0].position)
        yield from _check_ends(job, ends, accepted, evidence)


def _check_request(
    at: At[trail.JobAccepted], evidence: Evidence, coordinator: str
) -> Iterator[Difference]:
    accepted = at.entry
    try:
        event = evidence.find(accepted.request)
        _check_authority(event, accepted, coordinator)
        bid = _bid(event)
    except (Unproven, InvalidMessage) as error:
        yield Difference(
            Code.REQUEST_UNPROVEN,
            f"the request of job {accepted.job}: {error}",
            accepted.job,
            position=at.position,
            event=accepted.request,
        )
        return
    if bid is not None and accepted.budget > bid:
        yield Difference(
            Code.BUDGET_EXCEEDS_BID,
            f"job {accepted.job} has {accepted.budget} in escrow, and its requester bid {bid}",
            accepted.job,
            position=at.position,
            event=event.id,
        )


def _check_authority(event: Event, accepted: trail.JobAccepted, coordinator: str) -> None:
    """Raises `Unproven` unless the event lets this coordinator spend the requester's credits."""
    if event.pubkey != accepted.requester:
        raise Unproven(f"it is signed by {event.pubkey}, not by requester {accepted.requester}")
    if event.kind not in (*SELF_NAMING_KINDS, Kind.SEAL):
        raise Unproven(f"an event of kind {event.kind} asks for no job")
    if event.kind in SELF_NAMING_KINDS and event.id != accepted.job:
        raise Unproven(f"it is event {event.id}, which is another job")
    if event.kind in JOB_KINDS and event.first("p") not in (None, coordinator):
        raise Unproven("it is addressed to another coordinator")


def _is_private(accepted: trail.JobAccepted, evidence: Evidence) -> bool:
    """Whether the output's hash, by which anybody could fetch it, is told to its requester only."""
    try:
        event = evidence.find(accepted.request)
    except Unproven:
        return False
    messages = (Kind.SEAL, Kind.ENCRYPTED_DIRECT_MESSAGE)
    return event.kind in messages or any(tag[0] == "encrypted" for tag in event.tags)


def _bid(event: Event) -> int | None:
    tag = next((tag for tag in event.tags if tag[0] == "bid"), ())
    if event.kind in JOB_KINDS and len(tag) > 2 and tag[2] == CREDITS_UNIT:
        return parse_credits(tag[1])
    return None


def _check_ends(
    job: str,
    ends: list[At[trail.JobEnded]],
    accepted: At[trail.JobAccepted] | None,
    evidence: Evidence,
) -> Iterator[Difference]:
    def wrong(at: At[trail.JobEnded], message: str) -> Difference:
        return Difference(Code.JOB_END_WRONG, f"job {job} {message}", job, position=at.position)

    if accepted is None:
        yield wrong(ends[0], "ended without having been accepted")
    elif (
        ends[0].entry.state == "completed"
        and ends[0].entry.output_sha256 is None
        and not _is_private(accepted.entry, evidence)
    ):
        yield wrong(ends[0], "is completed without an output")
    for at in ends[1:]:
        yield wrong(at, "ended again")
