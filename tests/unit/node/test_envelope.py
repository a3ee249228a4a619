"""What a node says: sealed to the coordinator, and small enough for any relay."""

from __future__ import annotations

import random

import pytest
from newral_testing.node_script import NOW, lease

from newral_node import settings
from newral_node.envelope import Envelope
from newral_node.leases import Held
from newral_node.outbox import batches
from newral_node.states import LeaseState
from newral_spec import limits
from newral_spec.event import verify_event
from newral_spec.keys import SecretKey
from newral_spec.messages import Lease, UnitResult, decode_sealed_results
from newral_spec.sealing import unseal

NODE = SecretKey(b"\x01" * 32)
COORDINATOR = SecretKey(b"\x02" * 32)
STRFRY_EVENT_BYTES_MAX = 64 * 1024


@pytest.fixture
def envelope() -> Envelope:
    return Envelope(NODE, COORDINATOR.public_key, random.Random(1).randbytes)


def outcome(number: int, size: int) -> tuple[Lease, UnitResult]:
    result = {"a": "x" * (size - len('{"a":""}'))}
    nonce = f"{number:064x}"
    return lease(number), UnitResult(
        lease=lease(number).id, nonce=nonce, result=result, cpu_ms=10**9, wall_ms=10**9
    )


def test_the_coordinator_can_open_what_it_was_sent(envelope: Envelope) -> None:
    outcomes = [outcome(1, 100), outcome(2, 2000)]
    event = envelope.results(outcomes, NOW)
    verify_event(event)
    sealed = decode_sealed_results(event, unseal(event, COORDINATOR))
    assert sealed.results == tuple(result for _, result in outcomes)
    assert sealed.expiration == int(NOW) + settings.RESULT_KEPT_S


@pytest.mark.parametrize(
    ("count", "size"), [(1, limits.INLINE_RESULT_BYTES_MAX), (64, 0), (64, 100), (40, 1000)]
)
def test_a_batch_fits_what_relays_take(envelope: Envelope, count: int, size: int) -> None:
    held = [
        Held(lease=lease(number), state=LeaseState.COMPUTED, result_bytes=max(size, 8))
        for number in range(count)
    ]
    sent = 0
    for batch in batches(held):
        event = envelope.results(
            [outcome(int(each.lease.id, 16), each.result_bytes) for each in batch], NOW
        )
        assert len(event.to_json()) <= STRFRY_EVENT_BYTES_MAX
        verify_event(event)
        sent += len(batch)
    assert sent == count


def test_a_failure_with_the_longest_reason_fits_its_place(envelope: Envelope) -> None:
    failed = "\U0001f600" * limits.REASON_CHARS_MAX
    result = UnitResult(lease=lease(1).id, nonce="00" * 32, failed=failed)
    event = envelope.results([(lease(1), result)], NOW)
    assert decode_sealed_results(event, unseal(event, COORDINATOR)).results[0].failed == failed
