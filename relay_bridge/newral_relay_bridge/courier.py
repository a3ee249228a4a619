"""Publishing to one relay: a first attempt at once, later ones from what is parked in Postgres."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from newral_relay_bridge.counts import RelayCounts
from newral_relay_bridge.relay_store import Attempt, Due, RelayStore, State
from newral_spec.event import Event, parse_event
from newral_spec.session import LocalProtocolError
from newral_spec.transport import RelayConnection, RelayRefused, RelayUnavailable

FIRST_ATTEMPT_S: Final = 2.0
"""For the relay's answer; then the event is parked, so that the log can be read on."""

LATER_ATTEMPT_S: Final = 15.0

WINDOW_EVENTS: Final = 1024
"""Unanswered first attempts on one relay: a relay that does not answer holds up no others."""

RETRY_EVENTS_MAX: Final = 128
"""Parked events tried at once: at most 16 MiB."""

BACKOFF_FIRST_S: Final = 5.0
BACKOFF_LAST_S: Final = 900.0
"""The wait before the next attempt doubles from the first to the last."""

OTHERS_RETRY_S: Final = 24 * 3600.0
"""How long the other relays are tried once one has the event."""

SLEEP_S_MAX: Final = 60.0
"""The clock may be set meanwhile."""

FINAL_PREFIXES: Final = frozenset({"blocked", "invalid", "pow", "restricted"})
"""NIP-01: the relay will not take this event, however often it is asked."""


class Verdict(Enum):
    """What an attempt led to."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"
    """Try again, after a while."""
    UNTRIED = "untried"
    """Try as soon as the relay is there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of an attempt, with the relay's words."""

    verdict: Verdict
    message: str = ""


def backoff_s(attempts: int, rng: random.Random) -> float:
    """How long to wait after one more attempt than `attempts`: half of it fixed, half random."""
    bound = min(BACKOFF_LAST_S, BACKOFF_FIRST_S * 2.0 ** min(attempts, 16))
    return bound * rng.uniform(0.5, 1.0)


class Courier:
    """Brings events to one relay. Times are Unix seconds."""

    def __init__(
        self,
        connection: RelayConnection,
        store: RelayStore,
        counts: RelayCounts,
        *,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._connection = connection
        self._store = store
        self._counts = counts
        self._clock = clock
        self._rng = rng
        self._unanswered = 0
        self._news = asyncio.Event()

    @property
    def relay(self) -> str:
        """The relay's normalised URL."""
        return self._connection.url

    def wake(self) -> None:
        """Something was parked for this relay, or its connection has changed."""
        self._news.set()

    async def send(self, event: Event) -> Outcome:
        """The first attempt, unless the relay is away or does not answer."""
        if not self._connection.connected:
            return Outcome(Verdict.UNTRIED, self._connection.last_error or "not connected")
        if self._unanswered >= WINDOW_EVENTS:
            return Outcome(Verdict.FAILED, f"{WINDOW_EVENTS} events wait for an answer")
        self._unanswered += 1
        try:
            return await self._attempt(event, FIRST_ATTEMPT_S)
        finally:
            self._unanswered -= 1

    async def run(self) -> None:
        """Try parked events when they are due and the relay is there, until cancelled."""
        while True:
            await self.drain()
            now = self._clock()
            due_at = await self._store.next_due(self.relay, now)
            is_waiting = due_at is not None and self._connection.connected
            await self.wait_for_news(max(0.0, (due_at or now) - now) if is_waiting else SLEEP_S_MAX)

    async def drain(self) -> None:
        """Try what is due, until nothing is or the relay is away."""
        self._news.clear()
        while self._connection.connected:
            rows = await self._store.due(self.relay, self._clock(), RETRY_EVENTS_MAX)
            if not rows:
                return
            await self._retry(rows)

    async def wait_for_news(self, timeout_s: float) -> bool:
        """Whether `wake` was called since the last `drain`, or is before the time is over."""
        try:
            async with asyncio.timeout(min(timeout_s, SLEEP_S_MAX)):
                return await self._news.wait()
        except TimeoutError:
            return False

    async def _retry(self, rows: Sequence[Due]) -> None:
        outcomes = await asyncio.gather(
            *(self._attempt(parse_event(row.raw), LATER_ATTEMPT_S) for row in rows)
        )
        now = self._clock()
        results = list(zip(rows, outcomes, strict=True))
        await self._store.record(
            self.relay,
            [row.event_id for row, outcome in results if outcome.verdict is Verdict.ACCEPTED],
            [
                self._failed(row, outcome, now)
                for row, outcome in results
                if outcome.verdict is not Verdict.ACCEPTED
            ],
            now=now,
            give_up_others_at=now + OTHERS_RETRY_S,
        )

    def _failed(self, row: Due, outcome: Outcome, now: float) -> Attempt:
        return Attempt(
            event_id=row.event_id,
            state=State.REFUSED if outcome.verdict is Verdict.REFUSED else State.PENDING,
            last_error=outcome.message,
            due_at=now + backoff_s(row.attempts, self._rng),
        )

    async def _attempt(self, event: Event, timeout_s: float) -> Outcome:
        try:
            await self._connection.publish(event, timeout_s)
        except RelayRefused as error:
            if error.prefix in FINAL_PREFIXES:
                self._counts.refused += 1
                return Outcome(Verdict.REFUSED, str(error))
            return Outcome(Verdict.FAILED, str(error))
        except TimeoutError:
            return Outcome(Verdict.FAILED, f"no answer in {timeout_s:g} s")
        except (RelayUnavailable, LocalProtocolError) as error:
            return Outcome(Verdict.FAILED, str(error))
        self._counts.published += 1
        return Outcome(Verdict.ACCEPTED)
