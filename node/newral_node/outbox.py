"""Which outcomes share an event, and when an event is published again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from newral_node.book import LeaseBook
from newral_node.events import Instruction, PublishResults
from newral_node.leases import Held
from newral_node.settings import (
    BATCH_DELAY_S,
    RECEIPT_WAIT_S,
    RECEIPT_WAIT_S_MAX,
    RESIGN_AFTER_S,
    RESULT_OVERHEAD_BYTES,
    RETRY_S,
    RETRY_S_MAX,
    SEALED_PLAINTEXT_BYTES_MAX,
)
from newral_node.states import DELIVERED, LeaseState
from newral_spec import limits


@dataclass(slots=True)
class Delivery:
    """Outcomes sealed in one event. Times are Unix seconds."""

    id: int
    leases: tuple[str, ...]
    signed_at: float | None = None
    """None until an event is signed that names just these leases."""
    due_at: float = 0.0
    """When it is to be published, unless a receipt comes first."""
    in_flight: bool = False
    failures: int = 0
    acknowledged: bool = False
    receipt_wait_s: float = RECEIPT_WAIT_S

    def publish(self, now: float) -> bool:
        """It goes out now. Returns whether a new event must be signed for it."""
        self.in_flight = True
        # A clock that was set back makes the age negative: the event is from the future then.
        sign = self.signed_at is None or not 0 <= now - self.signed_at < RESIGN_AFTER_S
        if sign:
            self.signed_at = now
        return sign

    def ended(self, acknowledged: bool, now: float) -> None:
        """The publication succeeded at one relay, or at none."""
        self.in_flight = False
        if acknowledged:
            self.acknowledged = True
            self.failures = 0
            self.due_at = now + self.receipt_wait_s
            self.receipt_wait_s = min(2 * self.receipt_wait_s, RECEIPT_WAIT_S_MAX)
        else:
            self.due_at = now + retry_delay(self.failures)
            self.failures += 1


def retry_delay(failures: int) -> float:
    """Seconds to wait after the failure that follows `failures` others."""
    return min(RETRY_S * (1 << min(failures, 16)), RETRY_S_MAX)


class Outbox:
    """The deliveries that wait for a receipt, and how outcomes get into one."""

    def __init__(self, book: LeaseBook) -> None:
        self._book = book
        self._deliveries: dict[int, Delivery] = {}
        self._ids = count(1)

    def restore(self, now: float) -> None:
        """Deliver again what an earlier run had delivered and nobody has judged."""
        for state, wait_s in ((LeaseState.SEALED, 0.0), (LeaseState.ACKNOWLEDGED, RECEIPT_WAIT_S)):
            for batch in batches(self._book.within_states(frozenset({state}))):
                self._add(batch, now + wait_s, acknowledged=wait_s > 0)

    def seal(self, now: float, *, at_once: bool) -> Iterator[Instruction]:
        """Group outcomes that waited for company, or all of them `at_once`."""
        groups = list(batches(self._book.ready()))
        for batch in groups:
            # All but the last are full.
            if at_once or batch is not groups[-1] or any(_waited(held, now) for held in batch):
                self._add(batch, now)
                for held in batch:
                    yield self._book.move(held, LeaseState.SEALED)

    def deliver(self, now: float) -> Iterator[Instruction]:
        """Publish what is due."""
        for delivery in self._deliveries.values():
            if delivery.in_flight or delivery.due_at > now:
                continue
            sign = delivery.publish(now)
            for lease in delivery.leases if sign else ():
                held = self._book.within(lease, LeaseState.ACKNOWLEDGED)
                if held is not None:
                    yield self._book.move(held, LeaseState.SEALED)
            yield PublishResults(delivery.id, delivery.leases, sign)

    def published(self, number: int, acknowledged: bool, now: float) -> Iterator[Instruction]:
        """A publication ended: at least one relay has the event, or none."""
        delivery = self._deliveries.get(number)
        if delivery is None:
            return
        delivery.ended(acknowledged, now)
        for lease in delivery.leases if acknowledged else ():
            held = self._book.within(lease, LeaseState.SEALED)
            if held is not None:
                yield self._book.move(held, LeaseState.ACKNOWLEDGED)

    def settle(self, lease: str) -> None:
        """The lease needs no delivery any more."""
        for delivery in tuple(self._deliveries.values()):
            if lease in delivery.leases:
                delivery.leases = tuple(other for other in delivery.leases if other != lease)
                delivery.signed_at = None
                if not delivery.leases:
                    del self._deliveries[delivery.id]

    def due_at(self) -> Iterator[float]:
        """When each delivery is to be published, in Unix seconds."""
        return (each.due_at for each in self._deliveries.values() if not each.in_flight)

    @property
    def acknowledged(self) -> bool:
        """Whether some relay has every outcome."""
        return all(delivery.acknowledged for delivery in self._deliveries.values())

    def _add(self, batch: Sequence[Held], due_at: float, *, acknowledged: bool = False) -> None:
        leases = tuple(held.lease.id for held in batch)
        number = next(self._ids)
        self._deliveries[number] = Delivery(
            number, leases, due_at=due_at, acknowledged=acknowledged
        )

    def validate_state(self) -> None:
        """Raises `AssertionError` unless each delivered lease is in exactly one delivery."""
        delivered = [lease for each in self._deliveries.values() for lease in each.leases]
        assert len(delivered) == len(set(delivered))
        assert set(delivered) == {held.lease.id for held in self._book if held.state in DELIVERED}


def _waited(held: Held, now: float) -> bool:
    # An age below zero means that the clock was set back.
    return not 0 <= now - held.finished_at < BATCH_DELAY_S


def batches(outcomes: Iterable[Held]) -> Iterator[list[Held]]:
    """Group outcomes so that each group fits an event."""
    batch: list[Held] = []
    total = 0
    for held in outcomes:
        taken = held.result_bytes + RESULT_OVERHEAD_BYTES
        if batch and (
            total + taken > SEALED_PLAINTEXT_BYTES_MAX or len(batch) == limits.RESULTS_MAX
        ):
            yield batch
            batch, total = [], 0
        batch.append(held)
        total += taken
    if batch:
        yield batch
