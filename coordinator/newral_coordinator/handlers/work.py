"""Inputs from nodes: work requests and sealed results."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from newral_coordinator import leases, results
from newral_coordinator.blobs.store import BlobError
from newral_coordinator.handlers import progress
from newral_coordinator.model import LeaseRecord, Unit
from newral_coordinator.scope import Scope
from newral_coordinator.states import JobState, LeaseState, UnitState
from newral_kernels.kernel import Kernel, Verdict
from newral_spec import limits
from newral_spec.canonical import NotCanonical, canonical_json, parse_json
from newral_spec.event import Event
from newral_spec.messages import (
    Commitment,
    InvalidMessage,
    UnitResult,
    WorkRequest,
    decode_sealed_results,
    decode_work_request,
    result_sha256,
)
from newral_spec.sealing import unseal

RECEIPT_AGAIN_S: Final = 60
"""A verdict is sent again at most this often, however often its node asks."""


async def handle_work_request(scope: Scope, event: Event) -> str:
    """What a node has, wants and holds; the outcome in a word for the inbox."""
    try:
        request = decode_work_request(event, unseal(event, scope.secret))
    except InvalidMessage as error:
        return f"malformed: {error.code}"
    provider = event.pubkey
    await scope.store.put_provider(provider, _noted(scope, request), scope.now)
    active = await scope.store.active_leases(provider)
    heartbeat = leases.hear(request, active, scope.policy, scope.now)
    await scope.run(heartbeat.instructions)
    for lease in heartbeat.ended:
        await free_unit(scope, lease, "its lease ended")
    revoked = [lease for lease in heartbeat.unexpected if await _is_over(scope, lease)]
    await scope.run(leases.offer(provider, [], revoked, scope.policy))
    return "heard"


def _noted(scope: Scope, request: WorkRequest) -> WorkRequest:
    """What of a work request is kept: of kernels those that there are, and text for Postgres."""
    known = {scope.kernels.identity(scope.kernels.get(name)) for name in scope.kernels.names()}
    return msgspec.structs.replace(
        request,
        kernels=tuple({k.identity: k for k in request.kernels if k.identity in known}.values()),
        declined=(),
        agent=_storable(request.agent),
    )


def _storable(text: str) -> str:
    """Postgres keeps no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


async def _is_over(scope: Scope, lease_id: str) -> bool:
    lease = await scope.store.lease(lease_id)
    return lease is None or lease.state in (LeaseState.EXPIRED, LeaseState.REFUSED)


async def free_unit(scope: Scope, lease: LeaseRecord, reason: str) -> None:
    """The unit of a lease that ended without a result can be lent again."""
    unit = await scope.store.unit(lease.unit)
    if unit is not None and unit.state is UnitState.LEASED and unit.fence == lease.fence:
        await scope.store.put(unit.evolve(UnitState.READY, reason))


async def handle_sealed_results(scope: Scope, event: Event) -> str:
    """Results of one or more leases; the outcome in a word for the inbox."""
    try:
        sealed = decode_sealed_results(event, unseal(event, scope.secret))
    except InvalidMessage as error:
        return f"malformed: {error.code}"
    outcomes = [
        await _handle_result(scope, event, commitment, result)
        for commitment, result in zip(sealed.commitments, sealed.results, strict=True)
    ]
    return ", ".join(sorted(set(outcomes)))


async def _handle_result(
    scope: Scope, event: Event, commitment: Commitment, result: UnitResult
) -> str:
    lease = await scope.store.lease(commitment.lease)
    if lease is None:
        return "unknown lease"
    refusal = results.refusal(lease, event.pubkey, commitment)
    if lease.commitment is not None:
        if refusal is None or lease.commitment == commitment.commitment:
            # It is delivered again because its node has heard nothing.
            await scope.store.send_receipt_again(lease.id, scope.now - RECEIPT_AGAIN_S)
            return "repeated"
        return refusal
    noted = results.committed(lease, commitment, result, result_sha256(result))
    if refusal is not None:
        if lease.provider != event.pubkey:
            return refusal
        await scope.run(results.refuse(noted, refusal, event.id, scope.now))
        return refusal
    sealed, instructions = results.seal(noted, event.id, scope.now)
    await scope.run(instructions)
    await _judge(scope, sealed, result)
    scope.touched.add(lease.job)
    return "sealed"


async def _judge(scope: Scope, lease: LeaseRecord, result: UnitResult) -> None:
    """Check a sealed result and decide on its unit."""
    unit = await scope.store.unit(lease.unit)
    assert unit is not None
    assert unit.state is UnitState.LEASED, f"unit {unit.id} is {unit.state} with an open lease"
    checked, data = await _check(scope, unit, result)
    if data is not None and len(data) <= limits.INLINE_RESULT_BYTES_MAX:
        lease = results.with_result(lease, data)
        await scope.store.put(lease)
    if checked.refuted:
        judgement = results.judge_failed(unit, lease, checked.why, scope.policy, scope.now)
    else:
        lease = results.with_coverage(lease, checked)
        standing = [
            lease if other.id == lease.id else other
            for other in await scope.store.sealed_leases(unit.id)
        ]
        judgement = results.judge_returned(unit, standing, checked, scope.policy, scope.now)
    await scope.run(judgement.instructions)
    await progress.note_accepted(scope, unit)
    if judgement.hopeless is not None:
        job = await scope.store.job(lease.job)
        assert job is not None
        await progress.end_job(scope, job, JobState.FAILED, judgement.hopeless)


async def _check(scope: Scope, unit: Unit, result: UnitResult) -> tuple[Verdict, bytes | None]:
    """The kernel's verdict, and the result's canonical JSON where there is one."""
    if result.failed is not None:
        return Verdict.refutation(
            f"the node could not compute it: {_storable(result.failed)}"
        ), None
    kernel = scope.kernels.get(unit.kernel, unit.version)
    spec = unit.spec
    if spec is None:
        assert unit.blob_sha256 is not None
        spec = await scope.blobs.get(unit.blob_sha256)
    try:
        data = await _result_bytes(scope, result)
    except (BlobError, results.Unacceptable) as error:
        return Verdict.refutation(f"the result: {error}"), None
    # A check may take a while: other tasks, such as serving blobs, go on meanwhile.
    return await asyncio.to_thread(_verify, kernel, spec, data), data


def _verify(kernel: Kernel, spec: bytes, data: bytes) -> Verdict:
    """The kernel's verdict on a result that anybody may have made up."""
    try:
        value = parse_json(data)
        if canonical_json(value) != data:
            return Verdict.refutation("the result: its blob is not canonical JSON")
    except NotCanonical as error:
        return Verdict.refutation(f"the result: {error}")
    return kernel.check(parse_json(spec), value)


async def _result_bytes(scope: Scope, result: UnitResult) -> bytes:
    """Raises `BlobError`, and `results.Unacceptable` where the size is not what it should be."""
    if result.blob is None:
        return results.inline_bytes(result)
    size = await scope.blobs.size(result.blob.sha256)
    results.check_blob(result.blob, size, scope.policy)
    return await scope.blobs.get(result.blob.sha256)
