"""Leases and commitments: who held what, and who bound itself to which result when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from newral_ledger.audit.evidence import Evidence, Unproven
from newral_ledger.audit.history import At, History, first_before
from newral_ledger.audit.report import Code, Difference
from newral_spec import trail
from newral_spec.messages import Commitment, InvalidMessage, decode_commitments


def check_leases(history: History) -> Iterator[Difference]:
    """A unit is lent under fences 1, 2, 3, …, always as the same work, while its job runs."""
    for unit, group in history.units.items():
        for fence, at in enumerate(group, start=1):
            yield from _check_lease(at, group[0].entry, fence)
            yield from _check_job_runs(history, at)
            if at.entry.lease != trail.lease_id(unit, at.entry.fence):
                yield _lease_difference(Code.LEASE_ID_WRONG, at, "its id is not its unit's")


def _lease_difference(code: Code, at: At[trail.LeaseGranted], message: str) -> Difference:
    lease = at.entry.lease
    return Difference(code, f"lease {lease}: {message}", lease, position=at.position)


def _check_lease(
    at: At[trail.LeaseGranted], first: trail.LeaseGranted, fence: int
) -> Iterator[Difference]:
    lease = at.entry
    if lease.fence != fence:
        message = f"its fence is {lease.fence} where {fence} is due"
        yield _lease_difference(Code.LEASE_FENCE_WRONG, at, message)
    if _work(lease) != _work(first):
        message = f"unit {lease.unit} is not the work that was lent before"
        yield _lease_difference(Code.LEASE_UNIT_CHANGED, at, message)


def _work(lease: trail.LeaseGranted) -> tuple[str, ...]:
    return lease.unit_sha256, lease.job, lease.stage, lease.kernel, lease.version


def _check_job_runs(history: History, at: At[trail.LeaseGranted]) -> Iterator[Difference]:
    job = at.entry.job
    if first_before(history.jobs.get(job), at.position) is None:
        yield _lease_difference(Code.LEASE_WITHOUT_JOB, at, f"job {job} was not accepted before")
    elif first_before(history.ends.get(job), at.position) is not None:
        yield _lease_difference(Code.LEASE_AFTER_END, at, f"job {job} had ended")


def check_commitments(
    history: History, evidence: Evidence, coordinator: str
) -> Iterator[Difference]:
    """A lease's provider committed to one result, in an event that it signed."""
    for lease, group in history.commitments.items():
        granted = first_before(history.leases.get(lease), group[0].position)
        for at in group[1:]:
            message = f"lease {lease} is committed to again"
            yield Difference(Code.COMMITMENT_REPEATED, message, lease, position=at.position)
        for at in group:
            yield from _check_commitment(at, granted, evidence, coordinator)
    yield from _check_votes(history)


def _check_commitment(
    at: At[trail.CommitmentReceived],
    granted: At[trail.LeaseGranted] | None,
    evidence: Evidence,
    coordinator: str,
) -> Iterator[Difference]:
    entry = at.entry
    if granted is None or (granted.entry.unit, granted.entry.provider) != (
        entry.unit,
        entry.provider,
    ):
        message = f"provider {entry.provider} committed to lease {entry.lease}, which it had not"
        yield Difference(Code.COMMITMENT_WITHOUT_LEASE, message, entry.lease, position=at.position)
    try:
        find_commitment(entry, evidence, coordinator)
    except Unproven as error:
        yield Difference(
            Code.COMMITMENT_UNPROVEN,
            f"the commitment to lease {entry.lease}: {error}",
            entry.lease,
            position=at.position,
            event=entry.event,
        )


def find_commitment(
    entry: trail.CommitmentReceived, evidence: Evidence, coordinator: str
) -> Commitment:
    """What the provider signed, which must be the commitment that the log has. Raises `Unproven`.

    Its unit and fence may be others than the lease's: such a result is refused, and on record.
    """
    event = evidence.find(entry.event)
    if event.pubkey != entry.provider:
        raise Unproven(f"it is signed by {event.pubkey}, not by provider {entry.provider}")
    if event.first("p") != coordinator:
        raise Unproven("it is addressed to another coordinator")
    try:
        tags = [item for item in decode_commitments(event) if item.lease == entry.lease]
    except InvalidMessage as error:
        raise Unproven(str(error)) from error
    if [item.commitment for item in tags] != [entry.commitment]:
        raise Unproven("the event commits to something else")
    return tags[0]


def _check_votes(history: History) -> Iterator[Difference]:
    """A provider has at most one result of a unit that counts, or may yet count.

    One whose lease ended may be lent the unit again, and its first result then comes late: that
    one is refused.
    """
    votes: dict[tuple[str, str], list[At[trail.CommitmentReceived]]] = defaultdict(list)
    for lease, group in history.commitments.items():
        verdicts = history.verdicts.get(lease, [])
        if not any(at.entry.outcome in ("refused", "rejected") for at in verdicts):
            votes[group[0].entry.unit, group[0].entry.provider].append(group[0])
    for (unit, provider), group in votes.items():
        for at in group[1:]:
            message = f"provider {provider} has {len(group)} results of unit {unit} that count"
            yield Difference(Code.DOUBLE_VOTE, message, unit, position=at.position)
