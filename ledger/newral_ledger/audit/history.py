"""The log's entries by what they are about, each with its position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from newral_ledger.audit.report import Code, Difference
from newral_spec import trail

E = TypeVar("E", bound=trail.Entry)


@dataclass(frozen=True, slots=True)
class At(Generic[E]):
    """An entry and its position in the log."""

    position: int
    entry: E


@dataclass(slots=True)
class History:
    """What happened, in the order of the log."""

    entries: list[trail.Entry | None] = field(default_factory=list)
    """By position; None where the bytes are no entry."""
    policies: list[At[trail.PolicySet]] = field(default_factory=list)
    jobs: dict[str, list[At[trail.JobAccepted]]] = field(default_factory=dict)
    requesters: set[str] = field(default_factory=set)
    """Of any job."""
    ends: dict[str, list[At[trail.JobEnded]]] = field(default_factory=dict)
    leases: dict[str, list[At[trail.LeaseGranted]]] = field(default_factory=dict)
    units: dict[str, list[At[trail.LeaseGranted]]] = field(default_factory=dict)
    """The leases of each unit."""
    commitments: dict[str, list[At[trail.CommitmentReceived]]] = field(default_factory=dict)
    """By lease."""
    verdicts: dict[str, list[At[trail.VerdictGiven]]] = field(default_factory=dict)
    """By lease."""
    transfers: list[At[trail.TransferPosted]] = field(default_factory=list)

    def add(self, entry: trail.Entry | None) -> None:
        """Append the next entry."""
        position = len(self.entries)
        self.entries.append(entry)
        match entry:
            case trail.PolicySet():
                self.policies.append(At(position, entry))
            case trail.JobAccepted():
                self.jobs.setdefault(entry.job, []).append(At(position, entry))
                self.requesters.add(entry.requester)
            case trail.JobEnded():
                self.ends.setdefault(entry.job, []).append(At(position, entry))
            case trail.LeaseGranted():
                self.leases.setdefault(entry.lease, []).append(At(position, entry))
                self.units.setdefault(entry.unit, []).append(At(position, entry))
            case trail.CommitmentReceived():
                self.commitments.setdefault(entry.lease, []).append(At(position, entry))
            case trail.VerdictGiven():
                self.verdicts.setdefault(entry.lease, []).append(At(position, entry))
            case trail.TransferPosted():
                self.transfers.append(At(position, entry))
            case None:
                pass

    def policy_at(self, position: int) -> trail.PolicySet | None:
        """The rules in force at a position."""
        before = [at.entry for at in self.policies if at.position < position]
        return before[-1] if before else None

    def end_of(self, job: str) -> int | None:
        """The position at which a job ended."""
        ends = self.ends.get(job)
        return ends[0].position if ends else None


def first_before(group: Sequence[At[E]] | None, position: int) -> At[E] | None:
    """The first entry of a group, if it comes before `position`."""
    if group and group[0].position < position:
        return group[0]
    return None


def read_history(raws: Sequence[bytes], coordinator: str) -> tuple[History, list[Difference]]:
    """Decode the log, and check that it begins with a policy of `coordinator`."""
    history = History()
    differences: list[Difference] = []
    for position, raw in enumerate(raws):
        try:
            history.add(trail.decode_entry(raw))
        except trail.InvalidEntry as error:
            history.add(None)
            differences.append(
                Difference(Code.ENTRY_MALFORMED, f"entry {position}: {error}", position=position)
            )
    differences.extend(_check_policies(history, coordinator))
    return history, differences


def _check_policies(history: History, coordinator: str) -> Iterator[Difference]:
    if not history.policies or history.policies[0].position != 0:
        yield Difference(
            Code.POLICY_MISSING, "the log does not begin with its coordinator's policy", position=0
        )
    for at in history.policies:
        if at.entry.coordinator != coordinator:
            yield Difference(
                Code.POLICY_FOREIGN,
                f"entry {at.position} is the policy of coordinator {at.entry.coordinator}",
                position=at.position,
            )
