"""A node's core with a clock and a store in memory, driven by hand."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, TypeVar

from newral_node import events as ev
from newral_node.book import LeaseBook
from newral_node.core import NodeCore
from newral_node.leases import Held
from newral_node.settings import Settings
from newral_node.states import FINAL, LeaseState
from newral_spec.messages import KernelOffer, Lease, LeaseOffer, Receipt, Verdict

NOW = 1_800_000_000.0
IDENTITY = "1d" * 32
KERNEL = KernelOffer("bpsw", "1", IDENTITY)
MIB = 2**20

_T = TypeVar("_T", bound=ev.Instruction)


def lease(number: int, **changes: Any) -> Lease:
    """A lease that the scripted node takes; its id is made from `number`."""
    fields: dict[str, Any] = {
        "id": f"{number:064x}",
        "unit": f"{number:062x}aa",
        "job": "0b" * 32,
        "fence": 1,
        "kernel": "bpsw",
        "version": "1",
        "identity": IDENTITY,
        "cost_s": 1.0,
        "deadline": int(NOW) + 600,
        "time_limit_s": 60,
        "memory_bytes_max": 256 * MIB,
        "upload_bytes_max": 10 * MIB,
        "spec": {"start": "1", "stop": "3"},
    }
    return Lease(**{**fields, **changes})


def verdict(of: Lease, position: int = 1) -> Verdict:
    """The coordinator accepts it."""
    return Verdict(
        lease=of.id,
        unit=of.unit,
        job=of.job,
        outcome="accepted",
        reason="proved",
        credits=1000,
        commitment="0c" * 32,
        nonce="0d" * 32,
        result_sha256="0e" * 32,
        position=position,
    )


def taken(number: int) -> ev.Save:
    """What is saved when the lease is taken."""
    unit = lease(number)
    saved = LeaseBook().take(unit, LeaseState.QUEUED)
    assert isinstance(saved, ev.SaveLease)
    return saved


def finished(number: int, result: bytes = b'{"a":1}') -> ev.Save:
    """What is saved when it is computed."""
    return ev.SaveOutcome(
        lease=lease(number).id,
        state=LeaseState.COMPUTED,
        nonce=f"{number:064x}",
        at=NOW,
        result=result,
        cpu_ms=7,
        wall_ms=9,
    )


@dataclass
class Stored:
    """What the store knows of a lease."""

    lease: Lease
    state: LeaseState
    checkpoint: bytes | None = None
    outcomes: list[ev.SaveOutcome] = field(default_factory=list)


class Script:
    """Feeds events to a core, keeps what it saves, and checks what it asks for."""

    def __init__(self, *, cores: int = 1, buffer: int = 1, seed: int = 1) -> None:
        self.settings = Settings(
            cores=cores, memory_bytes=512 * MIB, buffer=buffer, kernels=(KERNEL,)
        )
        self.now = NOW
        self.stored: dict[str, Stored] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.running: dict[str, bytes | None] = {}
        """Leases with a worker, and the checkpoint that it started from."""
        self.suspended: set[str] = set()
        self.published: dict[int, ev.PublishResults] = {}
        self.sealed: set[str] = set()
        """Leases of which an outcome was ever published."""
        self._random = random.Random(seed)
        self.core = self._new_core()

    def _new_core(self) -> NodeCore:
        return NodeCore(self.settings, random_bytes=self._random.randbytes)

    def restart(self, *, preparing: bool = False) -> list[ev.Instruction]:
        """kill -9, and start again from what was saved, with kernels to be compiled if so."""
        self.running.clear()
        self.suspended.clear()
        self.published.clear()
        self.core = self._new_core()
        if preparing:
            self.core.handle(ev.Preparing(), self.now)
        restored = [
            Held(
                lease=stored.lease,
                state=stored.state,
                finished_at=stored.outcomes[-1].at if self._has_outcome(stored) else 0.0,
                result_bytes=self._result_bytes(stored),
            )
            for stored in self.stored.values()
        ]
        return self._apply(self.core.begin(restored, self.now))

    def _has_outcome(self, stored: Stored) -> bool:
        return bool(stored.outcomes) and stored.state not in FINAL

    def _result_bytes(self, stored: Stored) -> int:
        if not self._has_outcome(stored) or stored.state is LeaseState.UPLOADED:
            return 0
        return len(stored.outcomes[-1].result or b"")

    def connect(self) -> list[ev.Instruction]:
        return self.handle(ev.ConnectionChanged(True))

    def offer(self, *leases: Lease, revoked: tuple[str, ...] = ()) -> list[ev.Instruction]:
        return self.handle(ev.LeaseOffered(LeaseOffer(leases=leases, revoked=revoked)))

    def finish(self, of: Lease, result: bytes = b"{}") -> list[ev.Instruction]:
        return self.handle(ev.UnitFinished(of.id, result, 5, 6))

    def judge(self, of: Lease) -> list[ev.Instruction]:
        receipt = Receipt(provider="0a" * 32, verdicts=(verdict(of),))
        return self.handle(ev.ReceiptArrived(receipt, int(self.now)))

    def wait(self, seconds: float) -> list[ev.Instruction]:
        """Let time pass, with ticks when the core wants them."""
        end = self.now + seconds
        done: list[ev.Instruction] = []
        while (due := self.core.wakeup_at(self.now)) < end:
            # A core that never lets time pass would hang here.
            self.now = max(due, self.now + 1e-3)
            done += self.handle(ev.Tick())
        self.now = end
        return [*done, *self.handle(ev.Tick())]

    def handle(self, event: ev.NodeEvent) -> list[ev.Instruction]:
        self._note(event)
        instructions = self._apply(self.core.handle(event, self.now))
        self.core.validate_state()
        return instructions

    def state(self, of: Lease) -> LeaseState:
        return self.stored[of.id].state

    def _note(self, event: ev.NodeEvent) -> None:
        """The world as the event leaves it: a unit that ended has no worker any more."""
        match event:
            case (
                ev.UnitFinished(lease=lease_id)
                | ev.UnitFailed(lease=lease_id)
                | ev.UnitSuspended(lease=lease_id)
                | ev.WorkerDied(lease=lease_id)
            ):
                self.running.pop(lease_id, None)
                self.suspended.discard(lease_id)
            case ev.PublishEnded(delivery=delivery):
                self.published.pop(delivery, None)

    def _apply(self, instructions: list[ev.Instruction]) -> list[ev.Instruction]:
        for instruction in instructions:
            self._apply_one(instruction)
        return instructions

    def _apply_one(self, instruction: ev.Instruction) -> None:
        match instruction:
            case ev.SaveLease(lease=of, state=state):
                assert of.id not in self.stored, "a lease is taken once"
                self.stored[of.id] = Stored(of, state)
            case ev.SaveState(lease=lease_id, state=state):
                self.stored[lease_id].state = state
            case ev.SaveSpec():
                pass
            case ev.SaveCheckpoint(lease=lease_id, state=checkpoint):
                self.stored[lease_id].checkpoint = checkpoint
            case ev.SaveOutcome(lease=lease_id, state=state):
                stored = self.stored[lease_id]
                assert lease_id not in self.sealed, "what was published never changes"
                stored.outcomes.append(instruction)
                stored.state = state
            case ev.SaveUpload():
                pass
            case ev.SaveVerdict(verdict=given):
                self.verdicts[given.lease] = given
            case ev.StartUnit(lease=of):
                assert of.id not in self.running, "one worker for each lease"
                self.running[of.id] = self.stored[of.id].checkpoint
                assert len(self.running) <= self.settings.cores
            case ev.SuspendUnit(lease=lease_id):
                assert lease_id in self.running
                self.suspended.add(lease_id)
            case ev.KillUnit(lease=lease_id):
                self.running.pop(lease_id, None)
                self.suspended.discard(lease_id)
            case ev.PublishResults(delivery=delivery, leases=leases):
                assert delivery not in self.published, "one publication of a delivery at a time"
                assert all(self.stored[each].outcomes for each in leases), "saved before sent"
                self.published[delivery] = instruction
                self.sealed.update(leases)


def only(instructions: list[ev.Instruction], kind: type[_T]) -> list[_T]:
    """The instructions of one kind."""
    return [each for each in instructions if isinstance(each, kind)]
