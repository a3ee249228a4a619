"""Whatever happens, in whatever order: nothing finished is lost, no lease has two workers."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from newral_testing.node_script import Script, lease

from newral_node import events as ev
from newral_node.states import FINAL, LeaseState
from newral_spec import limits
from newral_spec.messages import BlobRef, Lease

LEASES = 8
numbers = st.integers(1, LEASES)


def drawn(number: int) -> Lease:
    """Some leases have short deadlines, and some their parameters in a blob."""
    blob = BlobRef("00" * 32, 9000) if number % 3 == 0 else None
    return lease(
        number,
        deadline=lease(number).deadline - 60 * number,
        blob=blob,
        spec=None if blob else {"start": "1"},
    )


class NodeHistory(RuleBasedStateMachine):
    """Random histories, including impossible ones: late, repeated and foreign events."""

    @initialize(cores=st.integers(1, 3), buffer=st.integers(0, 2), seed=st.integers(0, 2**32))
    def begin(self, cores: int, buffer: int, seed: int) -> None:
        self.script = Script(cores=cores, buffer=buffer, seed=seed)
        self.finished: set[str] = set()
        self.settled: set[str] = set()
        self.script.connect()

    @rule(number=numbers)
    def offer(self, number: int) -> None:
        self.script.offer(drawn(number))

    @rule(number=numbers)
    def revoke(self, number: int) -> None:
        self.script.offer(revoked=(drawn(number).id,))

    @rule(number=numbers, found=st.booleans())
    def fetch(self, number: int, found: bool) -> None:
        unit = drawn(number).id
        self.script.handle(
            ev.SpecFetched(unit, b"{}") if found else ev.SpecUnavailable(unit, "404")
        )

    @rule(number=numbers, large=st.booleans())
    def finish(self, number: int, large: bool) -> None:
        unit = drawn(number)
        was_running = unit.id in self.script.running
        self.script.finish(unit, b"x" * (limits.INLINE_RESULT_BYTES_MAX + 1) if large else b"{}")
        if was_running:
            self.finished.add(unit.id)

    @rule(number=numbers, state=st.binary(max_size=3))
    def checkpoint(self, number: int, state: bytes) -> None:
        unit = drawn(number).id
        if unit in self.script.running:
            self.script.handle(ev.UnitCheckpointed(unit, state))

    @rule(number=numbers)
    def die(self, number: int) -> None:
        unit = drawn(number).id
        if unit in self.script.running:
            self.script.handle(ev.WorkerDied(unit, "signal SIGSEGV"))

    @rule(number=numbers)
    def fail(self, number: int) -> None:
        unit = drawn(number).id
        if unit in self.script.running:
            self.script.handle(ev.UnitFailed(unit, "the kernel said so"))

    @rule()
    def suspend_ends(self) -> None:
        for unit in sorted(self.script.suspended):
            self.script.handle(ev.UnitSuspended(unit))

    @rule(number=numbers, refused=st.booleans())
    def upload_fails(self, number: int, refused: bool) -> None:
        self.script.handle(ev.UploadFailed(drawn(number).id, "HTTP status 403", refused))

    @rule(number=numbers)
    def upload_succeeds(self, number: int) -> None:
        unit = drawn(number).id
        if self.script.core.book.get(unit) is not None:
            held = self.script.core.book.get(unit)
            if held is not None and held.uploading:
                self.script.handle(ev.ResultUploaded(unit, BlobRef("00" * 32, 30000)))

    @rule(acknowledged=st.booleans())
    def publications_end(self, acknowledged: bool) -> None:
        for delivery in list(self.script.published):
            self.script.handle(ev.PublishEnded(delivery, acknowledged))

    @rule(number=numbers)
    def judge(self, number: int) -> None:
        unit = drawn(number)
        self.script.judge(unit)
        self.settled.add(unit.id)

    @rule(seconds=st.sampled_from((0.1, 1.0, 10.0, 200.0)))
    def wait(self, seconds: float) -> None:
        self.script.wait(seconds)

    @rule(back_s=st.sampled_from((1.0, 120.0)))
    def clock_is_set_back(self, back_s: float) -> None:
        self.script.now -= back_s
        self.script.handle(ev.Tick())

    @rule()
    def pause(self) -> None:
        self.script.handle(ev.Paused("a film"))

    @rule()
    def resume(self) -> None:
        self.script.handle(ev.Resumed())

    @rule(connected=st.booleans())
    def connection(self, connected: bool) -> None:
        self.script.handle(ev.ConnectionChanged(connected))

    @rule()
    def crash(self) -> None:
        self.script.restart()
        self.script.connect()

    @invariant()
    def what_finished_is_kept_until_it_is_judged(self) -> None:
        for unit in self.finished - self.settled:
            stored = self.script.stored[unit]
            assert stored.state not in FINAL
            assert stored.outcomes

    @invariant()
    def workers_and_started_leases_are_the_same(self) -> None:
        started = {
            unit
            for unit, stored in self.script.stored.items()
            if stored.state is LeaseState.STARTED
        }
        assert set(self.script.running) == started

    @invariant()
    def store_and_core_agree(self) -> None:
        for held in self.script.core.book:
            stored = self.script.stored[held.lease.id]
            # Uploading is saved with the reference to the blob.
            assert stored.state is held.state

    def teardown(self) -> None:
        """Once faults stop, every outcome is published."""
        self.script.handle(ev.Resumed())
        self.script.connect()
        for _ in range(4):
            self.upload_all()
            self.publications_end(True)
            self.script.wait(120)
        assert self.finished - self.settled <= self.script.sealed

    def upload_all(self) -> None:
        for number in range(1, LEASES + 1):
            self.upload_succeeds(number)


TestNodeHistory = NodeHistory.TestCase
TestNodeHistory.settings = hypothesis_settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
