"""From relays to the coordinator: deduplicate, verify, apply the policies, archive, append.

Everything that relays deliver goes through one bounded queue, in batches: whatever came in while
one batch was being committed is the next, so that a quiet bridge adds no delay and a busy one
shares its commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from newral_relay_bridge.archive import Archive
from newral_relay_bridge.counts import Counts
from newral_relay_bridge.event_log import Entry, EventLog
from newral_relay_bridge.policies import UNANSWERED_CODES, Buckets, Context, Rejection, examine
from newral_relay_bridge.rates import Rate, TokenBuckets
from newral_relay_bridge.relay_store import RelayStore, until_available
from newral_relay_bridge.subscriptions import LOOKBACK_S_MAX
from newral_spec.event import Event, InvalidEvent, verify_event
from newral_spec.session.recent import RecentSet

INBOUND_TOPIC: Final = "inbound"
REJECTED_TOPIC: Final = "rejected"

QUEUE_EVENTS_MAX: Final = 1024
"""Received but not yet committed: at most 128 MiB. Beyond it the relays have to wait."""

BATCH_EVENTS_MAX: Final = 256
"""Verified and committed at once: some 15 ms of one core."""

KNOWN_IDS_MAX: Final = 65_536
"""Ids remembered to drop copies from other relays without verifying them: about 8 MB."""

REPORTS_PER_KEY: Final = Rate(per_s=0.2, burst=10)
REPORTS_IN_ALL: Final = Rate(per_s=50, burst=1000)
"""Refusals that are recorded and answered; what exceeds either is only counted."""


class InboundLog(EventLog, Protocol):
    """An event log that archives as well."""

    async def ingest(self, topic: str, events: Sequence[Event]) -> list[int | None]:
        """Archive, and append those that the archive did not have."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the topic of rejected events, as JSON."""

    event: str
    pubkey: str
    kind: int
    created_at: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Arrival:
    relay: str
    event: Event


@dataclass(frozen=True, slots=True)
class _Mark:
    """Everything that the relay had at `at` is before this in the queue."""

    relay: str
    at: float


class Inbound:
    """What relays deliver, on its way to the log."""

    def __init__(
        self,
        *,
        coordinator: str,
        log: InboundLog,
        archive: Archive,
        store: RelayStore,
        buckets: Buckets,
        work_bits: int,
        counts: Counts,
        complete_until: dict[str, float],
        clock: Callable[[], float],
    ) -> None:
        """`complete_until`: for each relay, until when all that it had is committed."""
        self._coordinator = coordinator
        self._log = log
        self._archive = archive
        self._store = store
        self._buckets = buckets
        self._work_bits = work_bits
        self._counts = counts
        self._complete_until = complete_until
        self._clock = clock
        self._known: RecentSet[bytes] = RecentSet(KNOWN_IDS_MAX)
        self._reports = TokenBuckets(REPORTS_PER_KEY)
        self._all_reports = TokenBuckets(REPORTS_IN_ALL)
        self._queue: asyncio.Queue[_Arrival | _Mark] = asyncio.Queue(QUEUE_EVENTS_MAX)

    def complete_until(self, relay: str) -> float:
        """Until when everything that the relay had is committed, in Unix seconds."""
        return self._complete_until[relay]

    async def receive(self, relay: str, event: Event) -> None:
        """Take an unverified event. Waits while the queue is full."""
        counts = self._counts.relays[relay]
        counts.received += 1
        if bytes.fromhex(event.id) in self._known:
            counts.duplicates += 1
        else:
            await self._queue.put(_Arrival(relay, event))

    async def mark(self, relay: str, at: float) -> None:
        """Everything that the relay had at `at`, in Unix seconds, was received before this call."""
        await self._queue.put(_Mark(relay, at))

    async def run(self) -> None:
        """Process the queue until cancelled."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH_EVENTS_MAX and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            arrivals = [item for item in batch if isinstance(item, _Arrival)]
            if arrivals:
                await self._process(arrivals)
            # Only now, when all that came before the marks is committed.
            marks = {item.relay: item.at for item in batch if isinstance(item, _Mark)}
            if marks:
                await self._store.advance_cursors(marks)
                self._complete_until.update(marks)

    async def _process(self, arrivals: Sequence[_Arrival]) -> None:
        fresh = self._distinct(arrivals)
        # Off the event loop: libsecp256k1's bindings release the interpreter's lock.
        flags = await asyncio.to_thread(_verify, [arrival.event for arrival in fresh])
        authentic: dict[str, _Arrival] = {}
        for arrival, is_authentic in zip(fresh, flags, strict=True):
            if is_authentic:
                authentic[arrival.event.id] = arrival
                self._known.add(bytes.fromhex(arrival.event.id))
            else:
                self._counts.relays[arrival.relay].forged += 1
        events = await self._unarchived(authentic) if authentic else []
        if events:
            await self._admit(events)

    def _distinct(self, arrivals: Sequence[_Arrival]) -> list[_Arrival]:
        """Drop copies, by their whole text: a forgery may bear a true event's id and signature."""
        distinct: dict[Event, _Arrival] = {}
        for arrival in arrivals:
            if bytes.fromhex(arrival.event.id) in self._known or arrival.event in distinct:
                self._counts.relays[arrival.relay].duplicates += 1
            else:
                distinct[arrival.event] = arrival
        return list(distinct.values())

    async def _unarchived(self, authentic: dict[str, _Arrival]) -> list[Event]:
        """Drop what was admitted or refused before a restart: no policy applies to it again."""
        archived = await until_available(lambda: self._archive.get(list(authentic)))
        for event_id in archived:
            self._counts.relays[authentic[event_id].relay].duplicates += 1
        return [
            arrival.event for event_id, arrival in authentic.items() if event_id not in archived
        ]

    async def _admit(self, events: Sequence[Event]) -> None:
        context = self._context()
        admitted: list[Event] = []
        refused: list[tuple[Event, Rejection]] = []
        for event in events:
            rejection = examine(event, context)
            if rejection is None:
                admitted.append(event)
            else:
                self._counts.rejected[rejection.code] += 1
                refused.append((event, rejection))
        if admitted:
            await until_available(lambda: self._log.ingest(INBOUND_TOPIC, admitted))
            self._counts.admitted += len(admitted)
        await self._report(self._reportable(refused, context.now))

    def _context(self) -> Context:
        now = self._clock()
        complete_until = min(self._complete_until.values(), default=now)
        return Context(
            coordinator=self._coordinator,
            now=now,
            complete_until=max(complete_until, now - LOOKBACK_S_MAX),
            buckets=self._buckets,
            work_bits=self._work_bits,
        )

    def _reportable(
        self, refused: Iterable[tuple[Event, Rejection]], now: float
    ) -> list[tuple[Event, Rejection]]:
        reportable: list[tuple[Event, Rejection]] = []
        for event, rejection in refused:
            if rejection.code in UNANSWERED_CODES:
                continue
            if self._reports.take(event.pubkey, now) and self._all_reports.take("", now):
                reportable.append((event, rejection))
            else:
                self._counts.unreported += 1
        return reportable

    async def _report(self, refused: Sequence[tuple[Event, Rejection]]) -> None:
        if not refused:
            return
        entries = [
            Entry(key=event.pubkey, value=_refusal(event, why), idempotency_key=event.id)
            for event, why in refused
        ]
        await until_available(lambda: self._log.append(REJECTED_TOPIC, entries))
        # So that a refusal is final: the same event is not admitted after a restart.
        await until_available(lambda: self._archive.store([event for event, _ in refused]))


def _verify(events: Sequence[Event]) -> list[bool]:
    return [_is_authentic(event) for event in events]


def _is_authentic(event: Event) -> bool:
    try:
        verify_event(event)
    except InvalidEvent:
        return False
    return True


def _refusal(event: Event, rejection: Rejection) -> bytes:
    refusal = Refusal(
        event=event.id,
        pubkey=event.pubkey,
        kind=event.kind,
        created_at=event.created_at,
        code=rejection.code,
        reason=rejection.reason,
    )
    return msgspec.json.encode(refusal)
