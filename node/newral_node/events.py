"""What happens to a node (events) and what its core wants done about it (instructions)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from newral_node.states import LeaseState
from newral_spec.messages import (
    BlobRef,
    KernelOffer,
    Lease,
    LeaseOffer,
    Receipt,
    Verdict,
    WorkRequest,
)


class NodeEvent:
    """Something happened."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class LeaseOffered(NodeEvent):
    """The coordinator's own offer, verified and decrypted."""

    offer: LeaseOffer


@dataclass(frozen=True, slots=True)
class SpecFetched(NodeEvent):
    """The blob with a unit's parameters is here, and is what its hash says."""

    lease: str
    spec: bytes


@dataclass(frozen=True, slots=True)
class SpecUnavailable(NodeEvent):
    """The blob cannot be had."""

    lease: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnitProgress(NodeEvent):
    """`fraction` is between 0 and 1."""

    lease: str
    fraction: float


@dataclass(frozen=True, slots=True)
class UnitCheckpointed(NodeEvent):
    """The worker gave a state, as JSON, from which the unit can go on."""

    lease: str
    state: bytes


@dataclass(frozen=True, slots=True)
class UnitSuspended(NodeEvent):
    """The worker ended as asked, its last state checkpointed."""

    lease: str


@dataclass(frozen=True, slots=True)
class UnitFinished(NodeEvent):
    """`result` is canonical JSON."""

    lease: str
    result: bytes
    cpu_ms: int
    wall_ms: int


@dataclass(frozen=True, slots=True)
class UnitFailed(NodeEvent):
    """The unit cannot be computed here; to try again would not help."""

    lease: str
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerDied(NodeEvent):
    """The worker ended without a word about its unit."""

    lease: str
    reason: str


@dataclass(frozen=True, slots=True)
class ResultUploaded(NodeEvent):
    """The blob server has the result."""

    lease: str
    blob: BlobRef


@dataclass(frozen=True, slots=True)
class UploadFailed(NodeEvent):
    """`refused`: the blob server said no, rather than nothing."""

    lease: str
    reason: str
    refused: bool


@dataclass(frozen=True, slots=True)
class PublishEnded(NodeEvent):
    """A delivery was acknowledged by a relay, or by none."""

    delivery: int
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class ReceiptArrived(NodeEvent):
    """The coordinator's own receipt, verified."""

    receipt: Receipt
    created_at: int


@dataclass(frozen=True, slots=True)
class ConnectionChanged(NodeEvent):
    """Whether any relay is connected."""

    connected: bool


@dataclass(frozen=True, slots=True)
class CoordinatorAnnounced(NodeEvent):
    """The coordinator has announced itself anew: it has started, and knows of nothing we sent."""


@dataclass(frozen=True, slots=True)
class Preparing(NodeEvent):
    """The kernels are being compiled: no work is asked for, and none done, until `Prepared`."""


@dataclass(frozen=True, slots=True)
class Prepared(NodeEvent):
    """Those kernels can compute."""

    kernels: tuple[KernelOffer, ...]


@dataclass(frozen=True, slots=True)
class Paused(NodeEvent):
    """Nothing is computed until `Resumed`; `reason` is for the owner."""

    reason: str


@dataclass(frozen=True, slots=True)
class Resumed(NodeEvent):
    """The owner lets the node compute again."""


@dataclass(frozen=True, slots=True)
class Stopping(NodeEvent):
    """The node ends as soon as its workers have checkpointed and its results are out."""


@dataclass(frozen=True, slots=True)
class Tick(NodeEvent):
    """Time passed: due when `NodeCore.wakeup_at` says."""


class Instruction:
    """Something to do; instructions are carried out in the order given, saving before sending."""

    __slots__ = ()


class Save(Instruction):
    """Something to store before anything that follows is done."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SaveLease(Save):
    """Store a lease that was taken or declined; its parameters lie apart from it."""

    lease: Lease
    spec: dict[str, Any] | None
    state: LeaseState
    reason: str


@dataclass(frozen=True, slots=True)
class SaveState(Save):
    """Store where a lease stands; a final state frees what was stored for it."""

    lease: str
    state: LeaseState
    reason: str


@dataclass(frozen=True, slots=True)
class SaveSpec(Save):
    """Store the fetched parameters of a unit, as canonical JSON."""

    lease: str
    spec: bytes


@dataclass(frozen=True, slots=True)
class SaveCheckpoint(Save):
    """Store a state from which a unit can go on."""

    lease: str
    state: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveOutcome(Save):
    """Store a result or the reason of a failure, with the nonce of its commitment."""

    lease: str
    state: LeaseState
    nonce: str
    at: float
    """When it was known, in Unix seconds."""
    result: bytes | None = None
    failed: str | None = None
    cpu_ms: int = 0
    wall_ms: int = 0


@dataclass(frozen=True, slots=True)
class SaveUpload(Save):
    """Store that a result is on the blob server."""

    lease: str
    blob: BlobRef


@dataclass(frozen=True, slots=True)
class SaveVerdict(Save):
    """Store what the coordinator said about a result, and what it paid."""

    verdict: Verdict
    created_at: int


@dataclass(frozen=True, slots=True)
class FetchSpec(Instruction):
    """Fetch a unit's parameters from the blob server."""

    lease: str
    blob: BlobRef


@dataclass(frozen=True, slots=True)
class UploadResult(Instruction):
    """Bring a stored result to the blob server."""

    lease: str


@dataclass(frozen=True, slots=True)
class StartUnit(Instruction):
    """Compute a unit from its stored parameters and checkpoint."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class SuspendUnit(Instruction):
    """Let the worker checkpoint and end; kill it when it does not."""

    lease: str


@dataclass(frozen=True, slots=True)
class KillUnit(Instruction):
    """End the worker: nobody wants this unit any more. No event about it is expected."""

    lease: str


@dataclass(frozen=True, slots=True)
class SendWorkRequest(Instruction):
    """Tell the coordinator what the node has, wants and holds."""

    request: WorkRequest


@dataclass(frozen=True, slots=True)
class PublishResults(Instruction):
    """Publish stored outcomes in one event.

    `sign` asks for a new event; without it the delivery's last one is published again.
    """

    delivery: int
    leases: tuple[str, ...]
    sign: bool


@dataclass(frozen=True, slots=True)
class Stop(Instruction):
    """Everything that can be done before the end is done."""
