"""Checkpoints: signed by the coordinator, of this log, and never of two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from newral_ledger.audit.evidence import Evidence
from newral_ledger.audit.inputs import AuditInputs
from newral_ledger.audit.report import Code, Difference, Note, NoteCode
from newral_ledger.merkle import CompactRange, leaf_hash
from newral_spec.event import Event, InvalidEvent
from newral_spec.messages import Checkpoint, InvalidMessage, decode_checkpoint


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that the coordinator has signed, and the event that says so."""

    event: Event
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the log the coordinator has signed, and when."""

    matching: tuple[SignedCheckpoint, ...] = ()
    """Those that are of this log, from the oldest to the newest."""

    @property
    def newest(self) -> SignedCheckpoint | None:
        """The one that covers most."""
        return self.matching[-1] if self.matching else None

    @property
    def size(self) -> int:
        """How many entries are covered."""
        return self.matching[-1].checkpoint.size if self.matching else 0

    @property
    def signed_at(self) -> int:
        """When the newest was signed, in Unix seconds."""
        return self.matching[-1].event.created_at if self.matching else 0

    def size_at(self, time: int) -> int:
        """How many entries were covered at `time`, in Unix seconds."""
        return max(
            (item.checkpoint.size for item in self.matching if item.event.created_at <= time),
            default=0,
        )


def check_checkpoints(
    inputs: AuditInputs, evidence: Evidence
) -> tuple[Coverage, list[Difference], list[Note]]:
    """Verify all checkpoints against the log and each other."""
    signed, differences = _verify(inputs, evidence)
    roots = _roots(inputs.entries, {item.checkpoint.size for item in signed})
    matching: list[SignedCheckpoint] = []
    for item in signed:
        difference = _compare(item, roots, len(inputs.entries))
        if difference is None:
            matching.append(item)
        else:
            differences.append(difference)
    differences.extend(_equivocations(signed))
    chain_differences, notes = _check_chain(signed)
    differences.extend(chain_differences)
    coverage = Coverage(tuple(sorted(matching, key=_age)))
    if coverage.size == 0 and inputs.entries:
        differences.append(
            Difference(Code.CHECKPOINT_MISSING, "no checkpoint covers any entry of the log")
        )
    elif uncovered := len(inputs.entries) - coverage.size:
        notes.append(
            Note(NoteCode.UNCOVERED, f"{uncovered} entries came after the newest checkpoint")
        )
    return coverage, differences, notes


def _age(item: SignedCheckpoint) -> tuple[int, int]:
    return item.checkpoint.size, item.event.created_at


def _verify(
    inputs: AuditInputs, evidence: Evidence
) -> tuple[list[SignedCheckpoint], list[Difference]]:
    signed: dict[str, SignedCheckpoint] = {}
    differences: list[Difference] = []
    for event in inputs.checkpoints:
        try:
            evidence.verify(event)
            checkpoint = decode_checkpoint(event)
        except (InvalidEvent, InvalidMessage) as error:
            differences.append(
                Difference(Code.CHECKPOINT_INVALID, f"checkpoint: {error}", event=event.id)
            )
            continue
        if event.pubkey != inputs.coordinator:
            message = f"the checkpoint is signed by {event.pubkey}"
            differences.append(Difference(Code.CHECKPOINT_INVALID, message, event=event.id))
            continue
        signed[event.id] = SignedCheckpoint(event, checkpoint)
    return list(signed.values()), differences


def _roots(entries: Sequence[bytes], sizes: set[int]) -> dict[int, str]:
    """The log's root at each of `sizes` that it reaches."""
    log = CompactRange()
    roots = {0: log.root().hex()}
    for raw in entries:
        log.append(leaf_hash(raw))
        if log.size in sizes:
            roots[log.size] = log.root().hex()
    return roots


def _compare(item: SignedCheckpoint, roots: dict[int, str], size: int) -> Difference | None:
    claimed = item.checkpoint
    if claimed.size > size:
        return Difference(
            Code.CHECKPOINT_BEYOND_LOG,
            f"a checkpoint covers {claimed.size} entries, and the log has {size}",
            event=item.event.id,
        )
    if roots[claimed.size] != claimed.root:
        return Difference(
            Code.CHECKPOINT_ROOT_WRONG,
            f"the root at size {claimed.size} is {roots[claimed.size]}, not {claimed.root}",
            event=item.event.id,
        )
    return None


def _equivocations(signed: Sequence[SignedCheckpoint]) -> Iterator[Difference]:
    by_size: dict[int, dict[str, str]] = defaultdict(dict)
    for item in signed:
        by_size[item.checkpoint.size].setdefault(item.checkpoint.root, item.event.id)
    for size, roots in sorted(by_size.items()):
        if len(roots) > 1:
            yield Difference(
                Code.EQUIVOCATION,
                f"the coordinator signed {len(roots)} different logs of {size} entries,"
                f" in events {', '.join(sorted(roots.values()))}",
                event=min(roots.values()),
            )


def _check_chain(signed: Sequence[SignedCheckpoint]) -> tuple[list[Difference], list[Note]]:
    """Each checkpoint follows the one that it names, and no other follows that one too."""
    by_id = {item.event.id: item for item in signed}
    followers: dict[str | None, list[SignedCheckpoint]] = defaultdict(list)
    differences: list[Difference] = []
    notes: list[Note] = []

    def broken(item: SignedCheckpoint, message: str) -> None:
        differences.append(Difference(Code.CHECKPOINT_CHAIN_BROKEN, message, event=item.event.id))

    for item in sorted(signed, key=_age):
        previous = item.checkpoint.previous
        followers[previous].append(item)
        if len(followers[previous]) > 1:
            broken(item, f"{len(followers[previous])} checkpoints follow {previous or 'nothing'}")
        if previous is None:
            continue
        if previous not in by_id:
            notes.append(
                Note(NoteCode.CHECKPOINT_GAP, f"checkpoint {previous} was not found", previous)
            )
        elif by_id[previous].checkpoint.size > item.checkpoint.size:
            broken(item, f"the log shrank from {by_id[previous].checkpoint.size} entries")
    return differences, notes
