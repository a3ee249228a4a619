"""From a client's EVENT to its OK: verify and commit many together, then tell subscribers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from newral_relay_bridge.embedded_relay.config import BATCH_BYTES_MAX, BATCH_EVENTS_MAX
from newral_relay_bridge.embedded_relay.storage import EventWriter, Insertion, StorageError, Stored
from newral_spec.event import Event, InvalidEvent, verify_event

WAITING_MAX: Final = 512
"""Publications that wait for a batch; beyond it their connections are not read."""

_log = logging.getLogger(__name__)

_ANSWERS: Final[dict[Insertion, tuple[bool, str]]] = {
    Insertion.STORED: (True, ""),
    Insertion.EPHEMERAL: (True, ""),
    Insertion.DUPLICATE: (True, "duplicate: the relay has this event"),
    Insertion.SUPERSEDED: (True, "duplicate: the relay has a newer version"),
    Insertion.DELETED: (False, "blocked: its author has deleted this event"),
}


@dataclass(frozen=True)
class Publication:
    """An event that a client published, and how to answer: accepted, message."""

    event: Event
    answer: Callable[[bool, str], None]

    @property
    def size(self) -> int:
        """Roughly its bytes: what dominates them."""
        return len(self.event.content) + sum(len(item) for tag in self.event.tags for item in tag)


class Ingestion:
    """Group commit: while one batch is verified and written, the next one collects."""

    def __init__(
        self,
        writer: EventWriter,
        thread: ThreadPoolExecutor,
        fan_out: Callable[[Sequence[tuple[Event, int]]], Awaitable[None]],
    ) -> None:
        """`fan_out` gets committed events with their rows, and waits for slow subscribers."""
        self._writer = writer
        self._thread = thread
        self._fan_out = fan_out
        self._waiting: asyncio.Queue[Publication] = asyncio.Queue(WAITING_MAX)

    async def submit(self, publication: Publication) -> None:
        """Enqueue; waits while the relay has enough to do."""
        await self._waiting.put(publication)

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._next_batch()
            events = [publication.event for publication in batch]
            outcomes = await loop.run_in_executor(self._thread, self._process, events)
            fresh: list[tuple[Event, int]] = []
            for publication, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, str):
                    publication.answer(False, outcome)
                    continue
                publication.answer(*_ANSWERS[outcome.insertion])
                if outcome.insertion in (Insertion.STORED, Insertion.EPHEMERAL):
                    fresh.append((publication.event, outcome.row))
            await self._fan_out(fresh)

    async def _next_batch(self) -> list[Publication]:
        batch = [await self._waiting.get()]
        size = batch[0].size
        while (
            not self._waiting.empty() and len(batch) < BATCH_EVENTS_MAX and size < BATCH_BYTES_MAX
        ):
            batch.append(self._waiting.get_nowait())
            size += batch[-1].size
        return batch

    def _process(self, events: Sequence[Event]) -> list[Stored | str]:
        """In the writer's thread: each event's outcome, or the message that refuses it."""
        faults = [_fault(event) for event in events]
        valid = [event for event, fault in zip(events, faults, strict=True) if fault is None]
        try:
            stored = iter(self._writer.store(valid))
        except StorageError:
            _log.exception("a batch of %d events could not be stored", len(valid))
            return [fault or "error: the relay could not store it" for fault in faults]
        return [next(stored) if fault is None else fault for fault in faults]


def _fault(event: Event) -> str | None:
    try:
        verify_event(event)
    except InvalidEvent as error:
        return f"invalid: {error}"
    return None
