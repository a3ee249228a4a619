"""The leases that a node has and had, and the only place where one changes its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from newral_node import settings
from newral_node.events import Instruction, SaveLease, SaveState
from newral_node.leases import Held, without_spec
from newral_node.states import DELIVERED, PENDING, SENDABLE, LeaseState
from newral_spec.messages import Lease


@dataclass(frozen=True, slots=True)
class Ended:
    """How a lease ended, and why."""

    state: LeaseState
    reason: str


class LeaseBook:
    """Leases by id, oldest first; of those that ended only how."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self._ended: dict[str, Ended] = {}

    def __iter__(self) -> Iterator[Held]:
        return iter(tuple(self._held.values()))

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, lease: str) -> bool:
        return lease in self._held

    def get(self, lease: str) -> Held | None:
        """The lease, unless it ended or never was here."""
        return self._held.get(lease)

    def ended(self, lease: str) -> Ended | None:
        """How the lease ended, if it is remembered."""
        return self._ended.get(lease)

    def within(self, lease: str, *states: LeaseState) -> Held | None:
        """The lease if it is in one of `states`: what comes too late for it is of no interest."""
        held = self._held.get(lease)
        return held if held is not None and held.state in states else None

    def within_states(self, states: frozenset[LeaseState]) -> list[Held]:
        """The leases in one of `states`, oldest first."""
        return [held for held in self if held.state in states]

    def count(self, states: frozenset[LeaseState]) -> int:
        """Leases in one of `states`."""
        return sum(held.state in states for held in self._held.values())

    def ready(self) -> list[Held]:
        """Leases with an outcome that can be sealed now."""
        return [held for held in self if held.state in SENDABLE and not held.needs_upload]

    def restore(self, held: Held) -> None:
        """Take up a lease of an earlier run as it was stored."""
        if held.ended:
            self._remember(held.lease.id, held.state, held.reason)
        else:
            self._held[held.lease.id] = held

    def take(self, lease: Lease, state: LeaseState) -> Instruction:
        """A new lease."""
        held = self._held[lease.id] = Held(lease=without_spec(lease), state=state)
        return SaveLease(held.lease, lease.spec, state, "")

    def decline(self, lease: Lease, reason: str) -> Instruction:
        """A lease that is refused on sight."""
        self._remember(lease.id, LeaseState.DECLINED, reason)
        return SaveLease(without_spec(lease), None, LeaseState.DECLINED, reason)

    def move(self, held: Held, state: LeaseState, reason: str = "") -> Instruction:
        """Raises `InvalidTransition` unless the table has this transition."""
        held.move(state, reason)
        if held.ended:
            del self._held[held.lease.id]
            self._remember(held.lease.id, state, reason)
        return SaveState(held.lease.id, state, reason)

    def _remember(self, lease: str, state: LeaseState, reason: str) -> None:
        self._ended[lease] = Ended(state, reason)
        while len(self._ended) > settings.REMEMBERED_MAX:
            del self._ended[next(iter(self._ended))]

    def validate_state(self, cores: int, capacity: int) -> None:
        """Raises `AssertionError` when the book contradicts itself; for tests."""
        assert self.count(frozenset({LeaseState.STARTED})) <= cores
        assert self.count(PENDING) <= capacity
        assert not any(held.ended for held in self)
        assert not self._held.keys() & self._ended.keys()
        assert len(self._ended) <= settings.REMEMBERED_MAX
        for held in self:
            assert not held.suspending or held.state is LeaseState.STARTED
            assert not held.uploading or held.needs_upload
            assert (held.finished_at > 0) == (held.state in SENDABLE | DELIVERED)
