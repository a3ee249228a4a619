"""What a node does, without doing it: events in, instructions out.

No socket, no disk, no clock and no sleep here. The agent carries the instructions out in order,
reports what became of them as events, and calls `handle(Tick(), now)` when `wakeup_at` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import singledispatchmethod
from typing import Final

from newral_node import events as ev
from newral_node import settings as bounds
from newral_node.book import LeaseBook
from newral_node.leases import Held, refusal
from newral_node.outbox import Outbox, retry_delay
from newral_node.requests import Declines, RequestClock, holding
from newral_node.settings import Settings
from newral_node.states import DELIVERED, PENDING, SENDABLE, LeaseState
from newral_spec import limits
from newral_spec.messages import Lease, WorkRequest

NONCE_BYTES: Final = 32

Steps = Iterator[ev.Instruction]

_S = LeaseState
_STARTED: Final = frozenset({LeaseState.STARTED})


class NodeCore:
    """The node's state machine."""

    def __init__(self, settings: Settings, *, random_bytes: Callable[[int], bytes]) -> None:
        """`random_bytes(n)` gives n bytes that nobody can predict: nonces of commitments."""
        self.settings = settings
        self.book = LeaseBook()
        self.paused: str | None = None
        self.preparing = False
        self.stopping = False
        self.connected = False
        self._random_bytes = random_bytes
        self._declines = Declines()
        self._outbox = Outbox(self.book)
        self._requests = RequestClock()
        self._now = 0.0
        self._flush_by: float | None = None
        self._stopped = False

    def begin(self, restored: Iterable[Held], now: float) -> list[ev.Instruction]:
        """Take up what earlier runs left in the store; once, before any event."""
        self._now = now
        for held in restored:
            self.book.restore(held)
        return [*self._resume(), *self._advance()]

    def handle(self, event: ev.NodeEvent, now: float) -> list[ev.Instruction]:
        """What to do about `event`. `now` is in Unix seconds."""
        if self._stopped:
            return []
        self._now = now
        return [*self._on(event), *self._advance()]

    def wakeup_at(self, now: float) -> float:
        """When, in Unix seconds, `Tick` is due at the latest."""
        due = [now + bounds.HEARTBEAT_IDLE_S]
        for held in self.book:
            if held.state in PENDING:
                due.append(float(held.lease.deadline))
            elif held.needs_upload and not held.uploading:
                due.append(held.upload_due_at)
            elif held.state in SENDABLE and not held.needs_upload:
                due.append(held.finished_at + bounds.BATCH_DELAY_S)
        if self.connected:
            due.append(self._requests.due_at(now, busy=len(self.book) > 0))
            due.extend(self._outbox.due_at())
        if self._flush_by is not None:
            due.append(self._flush_by)
        return max(now, min(due))

    def validate_state(self) -> None:
        """Raises `AssertionError` when the state contradicts itself; for tests."""
        self.book.validate_state(self.settings.cores, self.settings.capacity)
        self._outbox.validate_state()

    # -- what happened ---------------------------------------------------------------------------

    @singledispatchmethod
    def _on(self, event: ev.NodeEvent) -> Steps:
        raise TypeError(f"the node's core knows no {type(event).__name__}")

    @_on.register
    def _(self, _event: ev.Tick) -> Steps:
        yield from ()

    @_on.register
    def _(self, event: ev.LeaseOffered) -> Steps:
        self._requests.ask()
        for lease_id in event.offer.revoked:
            # A finished result is sent all the same: what was committed in time may be owed.
            held = self.book.within(lease_id, *PENDING)
            if held is not None:
                yield from self._drop(held, "revoked by the coordinator")
        for lease in event.offer.leases:
            if lease.id not in self.book:
                yield from self._offered(lease)

    @_on.register
    def _(self, event: ev.SpecFetched) -> Steps:
        held = self.book.within(event.lease, _S.FETCHING)
        if held is not None:
            yield ev.SaveSpec(event.lease, event.spec)
            yield self.book.move(held, _S.QUEUED)

    @_on.register
    def _(self, event: ev.SpecUnavailable) -> Steps:
        held = self.book.within(event.lease, _S.FETCHING)
        if held is not None:
            self._requests.ask()
            self._declines.add(event.lease, event.reason, self._now)
            yield self.book.move(held, _S.DECLINED, event.reason)

    @_on.register
    def _(self, event: ev.UnitProgress) -> Steps:
        held = self.book.within(event.lease, _S.STARTED)
        if held is not None:
            held.progress = min(max(event.fraction, 0.0), 1.0)
        yield from ()

    @_on.register
    def _(self, event: ev.UnitCheckpointed) -> Steps:
        held = self.book.within(event.lease, _S.STARTED)
        if held is None:
            return
        held.checkpoint = event.state
        # An age below zero means that the clock was set back.
        if not 0 <= self._now - held.checkpoint_saved_at < bounds.CHECKPOINT_SAVE_S:
            held.checkpoint_saved_at = self._now
            yield from self._save_checkpoint(held)

    @_on.register
    def _(self, event: ev.UnitSuspended) -> Steps:
        held = self.book.within(event.lease, _S.STARTED)
        if held is not None:
            yield from self._back_to_queue(held, "")

    @_on.register
    def _(self, event: ev.WorkerDied) -> Steps:
        held = self.book.within(event.lease, _S.STARTED)
        if held is None:
            return
        # A worker that was killed because it was too slow to suspend did not crash.
        held.crashes += not held.suspending
        if held.crashes < bounds.CRASHES_MAX:
            yield from self._back_to_queue(held, event.reason)
        else:
            times = f"its worker died {held.crashes} times"
            yield from self._failed(held, f"{times}, at last: {event.reason}")

    @_on.register
    def _(self, event: ev.UnitFailed) -> Steps:
        held = self.book.within(event.lease, _S.STARTED)
        if held is not None:
            yield from self._failed(held, event.reason)

    @_on.register
    def _(self, event: ev.UnitFinished) -> Steps:
        held = self.book.within(event.lease, _S.STARTED)
        if held is None:
            return
        size = len(event.result)
        allowed = held.lease.upload_bytes_max
        if size > max(limits.INLINE_RESULT_BYTES_MAX, allowed):
            yield from self._failed(
                held, f"its result has {size} bytes; the lease allows {allowed} to be uploaded"
            )
            return
        self._finish(held, _S.COMPUTED, size)
        yield ev.SaveOutcome(
            lease=event.lease,
            state=_S.COMPUTED,
            nonce=self._nonce(),
            result=event.result,
            cpu_ms=event.cpu_ms,
            wall_ms=event.wall_ms,
            at=self._now,
        )

    @_on.register
    def _(self, event: ev.ResultUploaded) -> Steps:
        held = self.book.within(event.lease, _S.COMPUTED)
        if held is not None:
            held.uploading = False
            held.result_bytes = 0
            yield ev.SaveUpload(event.lease, event.blob)
            yield self.book.move(held, _S.UPLOADED)

    @_on.register
    def _(self, event: ev.UploadFailed) -> Steps:
        held = self.book.within(event.lease, _S.COMPUTED)
        if held is None:
            return
        held.uploading = False
        held.upload_refusals += event.refused
        if held.upload_refusals >= bounds.UPLOAD_REFUSALS_MAX:
            yield from self._failed(held, f"its result could not be uploaded: {event.reason}")
        else:
            held.upload_due_at = self._now + retry_delay(held.upload_failures)
            held.upload_failures += 1

    @_on.register
    def _(self, event: ev.PublishEnded) -> Steps:
        yield from self._outbox.published(event.delivery, event.acknowledged, self._now)

    @_on.register
    def _(self, event: ev.ReceiptArrived) -> Steps:
        for verdict in event.receipt.verdicts:
            yield ev.SaveVerdict(verdict, event.created_at)
            held = self.book.get(verdict.lease)
            if held is None:
                continue
            if held.state in PENDING:
                yield from self._drop(held, "judged before it was computed here")
            else:
                self._outbox.settle(verdict.lease)
                yield self.book.move(held, _S.SETTLED, verdict.reason)

    @_on.register
    def _(self, event: ev.ConnectionChanged) -> Steps:
        if event.connected and not self.connected:
            self._requests.ask()
        self.connected = event.connected
        yield from ()

    @_on.register
    def _(self, _event: ev.CoordinatorAnnounced) -> Steps:
        self._requests.ask()
        yield from ()

    @_on.register
    def _(self, _event: ev.Preparing) -> Steps:
        self.preparing = True
        yield from ()

    @_on.register
    def _(self, event: ev.Prepared) -> Steps:
        self.preparing = False
        self.settings = replace(self.settings, kernels=event.kernels)
        self._requests.ask()
        yield from ()

    @_on.register
    def _(self, event: ev.Paused) -> Steps:
        self.paused = event.reason
        self._requests.ask()
        yield from self._suspend_all()

    @_on.register
    def _(self, _event: ev.Resumed) -> Steps:
        self.paused = None
        self._requests.ask()
        yield from ()

    @_on.register
    def _(self, _event: ev.Stopping) -> Steps:
        if not self.stopping:
            self.stopping = True
            self._flush_by = self._now + bounds.STOP_S + bounds.FLUSH_S
            self._requests.ask()
            yield from self._suspend_all()

    # -- parts of the above ----------------------------------------------------------------------

    def _offered(self, lease: Lease) -> Steps:
        ended = self.book.ended(lease.id)
        if ended is not None:
            # Said once already, but work requests may be lost.
            if ended.state in (_S.DECLINED, _S.DROPPED):
                self._declines.add(lease.id, ended.reason, self._now)
            return
        reason = self._unwilling() or refusal(lease, self.settings, self._now)
        if reason is not None:
            self._declines.add(lease.id, reason, self._now)
            yield self.book.decline(lease, reason)
        elif lease.blob is not None:
            yield self.book.take(lease, _S.FETCHING)
            yield ev.FetchSpec(lease.id, lease.blob)
        else:
            yield self.book.take(lease, _S.QUEUED)

    def _unwilling(self) -> str | None:
        if self.stopping:
            return "the node is stopping"
        if self.paused is not None:
            return f"the node is paused: {self.paused}"
        if self.preparing:
            return "the node prepares its kernels"
        return "the node has no free slot" if self._slots() == 0 else None

    def _slots(self) -> int:
        pending = self.book.count(PENDING)
        backlog = len(self.book) - pending
        idle = self.paused is not None or self.preparing or self.stopping
        if idle or backlog >= bounds.UNSETTLED_MAX:
            return 0
        return self.settings.capacity - pending

    def _drop(self, held: Held, reason: str) -> Steps:
        self._requests.ask()
        if held.state is _S.STARTED:
            held.suspending = False
            yield ev.KillUnit(held.lease.id)
        yield self.book.move(held, _S.DROPPED, reason)

    def _save_checkpoint(self, held: Held) -> Steps:
        if held.checkpoint is not None:
            yield ev.SaveCheckpoint(held.lease.id, held.checkpoint)
            held.checkpoint = None

    def _back_to_queue(self, held: Held, reason: str) -> Steps:
        held.suspending = False
        yield from self._save_checkpoint(held)
        yield self.book.move(held, _S.QUEUED, reason)

    def _suspend_all(self) -> Steps:
        for held in self.book:
            if held.state is _S.STARTED and not held.suspending:
                held.suspending = True
                yield ev.SuspendUnit(held.lease.id)

    def _failed(self, held: Held, reason: str) -> Steps:
        reason = reason[: limits.REASON_CHARS_MAX]
        self._finish(held, _S.FAILED, len(reason.encode()), reason)
        yield ev.SaveOutcome(
            lease=held.lease.id,
            state=_S.FAILED,
            nonce=self._nonce(),
            failed=reason,
            at=self._now,
        )

    def _finish(self, held: Held, state: LeaseState, size: int, reason: str = "") -> None:
        held.move(state, reason)
        held.suspending = False
        held.checkpoint = None
        held.result_bytes = size
        held.finished_at = held.upload_due_at = self._now
        self._requests.ask()

    def _nonce(self) -> str:
        return self._random_bytes(NONCE_BYTES).hex()

    def _resume(self) -> Steps:
        for held in self.book:
            if held.state is _S.STARTED:
                yield self.book.move(held, _S.QUEUED, "the node was restarted")
            elif held.state is _S.FETCHING and held.lease.blob is not None:
                yield ev.FetchSpec(held.lease.id, held.lease.blob)
        self._outbox.restore(self._now)

    # -- what time asks for ----------------------------------------------------------------------

    def _advance(self) -> Steps:
        yield from self._give_up()
        yield from self._start_units()
        yield from self._upload()
        yield from self._outbox.seal(self._now, at_once=self.stopping)
        if self.connected:
            yield from self._outbox.deliver(self._now)
        yield from self._request_work()
        if self.stopping and self._may_stop():
            self._stopped = True
            yield ev.Stop()

    def _give_up(self) -> Steps:
        for held in self.book:
            if held.state in PENDING and held.lease.deadline <= self._now:
                yield from self._drop(held, "the deadline has passed")
            elif held.state in DELIVERED and held.finished_at + bounds.RESULT_KEPT_S <= self._now:
                self._outbox.settle(held.lease.id)
                yield self.book.move(held, _S.EXPIRED, "no receipt came")

    def _start_units(self) -> Steps:
        if self.paused is not None or self.preparing or self.stopping:
            return
        free = self.settings.cores - self.book.count(_STARTED)
        queued = self.book.within_states(frozenset({_S.QUEUED}))
        queued.sort(key=lambda held: held.lease.deadline)
        for held in queued[:free]:
            yield self.book.move(held, _S.STARTED)
            yield ev.StartUnit(held.lease)

    def _upload(self) -> Steps:
        for held in self.book:
            if held.needs_upload and not held.uploading and held.upload_due_at <= self._now:
                held.uploading = True
                yield ev.UploadResult(held.lease.id)

    def _request_work(self) -> Steps:
        busy = len(self.book) > 0
        if not self.connected or self._requests.due_at(self._now, busy=busy) > self._now:
            return
        self._requests.sent(self._now)
        yield ev.SendWorkRequest(
            WorkRequest(
                slots=self._slots(),
                cores=self.settings.cores,
                memory_bytes=self.settings.memory_bytes,
                kernels=self.settings.kernels,
                holding=holding(self.book),
                declined=self._declines.listed(self._now),
                agent=self.settings.agent,
            )
        )

    def _may_stop(self) -> bool:
        if self._flush_by is not None and self._now >= self._flush_by:
            return True
        if self.book.count(_STARTED):
            return False
        # Without a connection there is nobody to wait for; the store keeps the results.
        return not self.connected or self._outbox.acknowledged
