"""What a node says about itself, to its owner."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from newral_node.core import NodeCore
from newral_node.queue import StoredVerdict
from newral_node.states import LeaseState

VERDICTS_SHOWN: Final = 20

PREPARING: Final = "compiling the kernels for this processor, once, or loading what was compiled"

Condition = Literal["computing", "waiting", "preparing", "paused", "offline", "stopping"]


class UnitStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One lease. `deadline` is in Unix seconds, `cost_s` in reference-core seconds."""

    lease: str
    job: str
    kernel: str
    state: LeaseState
    progress: float
    cost_s: float
    deadline: int


class RelayStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One relay."""

    url: str
    connected: bool
    error: str | None


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `credits` are micro-credits, times are Unix seconds."""

    pubkey: str
    coordinator: str
    state: Condition
    why: str
    """Why nothing is computed, where nothing is."""
    cores: int
    buffer: int
    memory_bytes: int
    units: tuple[UnitStatus, ...]
    relays: tuple[RelayStatus, ...]
    accepted: int
    rejected: int
    refused: int
    credits: int
    verdicts: tuple[StoredVerdict, ...]
    started_at: int
    page: str | None
    pid: int


def units(core: NodeCore) -> tuple[UnitStatus, ...]:
    """The leases that have not ended."""
    return tuple(
        UnitStatus(
            lease=held.lease.id,
            job=held.lease.job,
            kernel=held.lease.kernel,
            state=held.state,
            progress=1.0 if held.finished_at else held.progress,
            cost_s=held.lease.cost_s,
            deadline=held.lease.deadline,
        )
        for held in core.book
    )


def condition(core: NodeCore) -> tuple[Condition, str]:
    """What the node does, and why it computes nothing when it does not."""
    if core.stopping:
        return "stopping", "the node was asked to stop"
    if core.paused is not None:
        return "paused", core.paused
    if core.preparing:
        return "preparing", PREPARING
    if core.book.count(frozenset({LeaseState.STARTED})):
        return "computing", ""
    if not core.connected:
        return "offline", "no relay is connected"
    return "waiting", "the coordinator has given no work yet"
