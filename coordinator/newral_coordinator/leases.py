"""Lending units: pure decisions about offers, confirmations and silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from newral_coordinator.instructions import Instruction, Publish, Put, Record, Reserve
from newral_coordinator.model import LeaseRecord, Unit
from newral_coordinator.policy import Policy
from newral_coordinator.results import end_lease
from newral_coordinator.states import LeaseState, UnitState
from newral_spec import limits, trail
from newral_spec.canonical import parse_json
from newral_spec.messages import (
    BlobRef,
    Lease,
    LeaseOffer,
    WorkRequest,
    encode_lease_offer,
)


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a kernel's identity is and needs."""

    identity: str
    memory_bytes: int


def grant(
    unit: Unit, provider: str, price: int, policy: Policy, now: int
) -> tuple[Unit, LeaseRecord, list[Instruction]]:
    """Lend a ready unit: its price is reserved in the job's escrow, and the log says so."""
    lent = unit.evolve(UnitState.LEASED, f"lent to {provider}", fence=unit.fence + 1)
    lease = LeaseRecord(
        id=trail.lease_id(unit.id, lent.fence),
        unit=unit.id,
        job=unit.job,
        provider=provider,
        fence=lent.fence,
        state=LeaseState.OFFERED,
        price=price,
        granted_at=now,
        heard_at=now,
        deadline=now + policy.lease_seconds(unit.cost_s),
    )
    entry = trail.LeaseGranted(
        at=now,
        lease=lease.id,
        unit=unit.id,
        unit_sha256=unit.spec_sha256,
        job=unit.job,
        stage=unit.stage,
        kernel=unit.kernel,
        version=unit.version,
        provider=provider,
        fence=lease.fence,
        price=price,
    )
    return lent, lease, [Put(lent), Put(lease), Reserve(lease), Record(entry)]


def offer(
    provider: str,
    pairs: Sequence[tuple[LeaseRecord, Unit, Requirements]],
    revoked: Sequence[str],
    policy: Policy,
) -> list[Instruction]:
    """Tell a node what it may compute and what it should drop: one event for all of it, or more."""
    instructions: list[Instruction] = []
    items = list(pairs)
    dropped = list(revoked)
    while items or dropped:
        leases = tuple(_wire(*pair, policy) for pair in _take(items))
        message = LeaseOffer(leases=leases, revoked=tuple(dropped[: limits.LEASES_MAX]))
        del dropped[: limits.LEASES_MAX]
        draft = encode_lease_offer(message, provider)
        instructions.append(Publish(draft=draft, seal_to=provider))
    return instructions


def _take(
    items: list[tuple[LeaseRecord, Unit, Requirements]],
) -> list[tuple[LeaseRecord, Unit, Requirements]]:
    """Remove from the front as many leases as fit into one event."""
    taken: list[tuple[LeaseRecord, Unit, Requirements]] = []
    size = 0
    while items and len(taken) < limits.LEASES_MAX:
        size += 1024 + len(items[0][1].spec or b"")
        if taken and size > limits.INLINE_RESULT_BYTES_MAX:
            break
        taken.append(items.pop(0))
    return taken


def _wire(lease: LeaseRecord, unit: Unit, needs: Requirements, policy: Policy) -> Lease:
    blob = None
    if unit.blob_sha256 is not None and unit.blob_size is not None:
        blob = BlobRef(unit.blob_sha256, unit.blob_size)
    return Lease(
        id=lease.id,
        unit=unit.id,
        job=unit.job,
        fence=lease.fence,
        kernel=unit.kernel,
        version=unit.version,
        identity=needs.identity,
        cost_s=unit.cost_s,
        deadline=lease.deadline,
        time_limit_s=policy.lease_seconds(unit.cost_s),
        memory_bytes_max=min(needs.memory_bytes, policy.memory_bytes_max),
        upload_bytes_max=policy.upload_bytes_max,
        spec=None if unit.spec is None else parse_json(unit.spec),
        blob=blob,
    )


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a work request says of the leases that a node has."""

    instructions: list[Instruction]
    ended: list[LeaseRecord]
    """Leases that ended, as they were: their units are free."""
    unexpected: list[str]
    """Leases that the node holds and that are not open."""


def hear(
    request: WorkRequest, active: Sequence[LeaseRecord], policy: Policy, now: int
) -> Heartbeat:
    """Compare what a node holds with what it was lent.

    A lease that it holds has started, or waits in its queue. One that it declines, or has not
    mentioned for long, has ended. What it has computed is not unexpected: it waits for a verdict.
    """
    held = {holding.lease for holding in request.holding}
    unfinished = {h.lease for h in request.holding if h.state != "computed"}
    declined = {item.lease: item.reason for item in request.declined}
    instructions: list[Instruction] = []
    ended: list[LeaseRecord] = []
    for lease in active:
        if lease.id in declined:
            reason = f"declined: {declined[lease.id]}"
            instructions += end_lease(lease, LeaseState.REFUSED, reason)
            ended.append(lease)
        elif lease.id in held:
            instructions += _confirm(lease, policy, now)
        elif lease.state is LeaseState.STARTED and now - lease.heard_at > policy.lost_seconds:
            instructions += end_lease(lease, LeaseState.EXPIRED, "the node holds it no more")
            ended.append(lease)
    known = {lease.id for lease in active} - declined.keys()
    return Heartbeat(instructions, ended, sorted(unfinished - known))


def _confirm(lease: LeaseRecord, policy: Policy, now: int) -> list[Instruction]:
    if lease.state is LeaseState.OFFERED:
        return [Put(lease.evolve(LeaseState.STARTED, "the node holds it", heard_at=now))]
    if now - lease.heard_at > policy.lost_seconds // 3:
        return [Put(replace(lease, heard_at=now))]
    return []
