"""Many relays as one: publish to all, receive each event once and verified."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from types import TracebackType
from typing import Final, Self

from newral_spec.event import Event, InvalidEvent, verify_event
from newral_spec.keys import SecretKey
from newral_spec.session import Filter, LocalProtocolError, RemoteProtocolError
from newral_spec.session.recent import RecentSet
from newral_spec.transport.relay_connection import (
    EventHandler,
    RelayConnection,
    RelayRefused,
    RelayUnavailable,
)
from newral_spec.transport.relay_url import normalise_relay_url

DELIVERIES_MAX: Final = 65_536
"""Remembered to drop copies from other relays: about 13 MB when full."""

FETCHED_EVENTS_MAX: Final = 100_000
"""What one `fetch` collects before it stops: a relay may have no end."""


class Answer(Enum):
    """What became of a publication on one relay."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    PENDING = "pending"
    """Enough others had accepted; it is still being sent to this one."""
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class PublishOutcome:
    """One relay's answer to a publication, with its words."""

    answer: Answer
    message: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether the relay has the event."""
        return self.answer is Answer.ACCEPTED


@dataclass
class _Fetch:
    events: dict[str, Event] = field(default_factory=dict)
    ended: dict[str, str | None] = field(default_factory=dict)
    """Relay → why it gave no complete answer, or `None`."""
    lost: set[str] = field(default_factory=set)
    """Relays that broke off: their answer is welcome, but others are not kept waiting for it."""
    has_news: asyncio.Event = field(default_factory=asyncio.Event)

    def is_full(self) -> bool:
        return len(self.events) >= FETCHED_EVENTS_MAX


class RelayPool:
    """Relays that come and go behind one interface.

    The event handler is called once for each subscription and event, however many relays send it,
    and with `verify` only for events whose id and signature hold. It must not wait for `publish`
    or `fetch` of the same pool: hand over to a task or a bounded queue instead.
    """

    def __init__(
        self,
        urls: Iterable[str],
        *,
        on_event: EventHandler | None = None,
        secret: SecretKey | None = None,
        verify: bool = True,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises `InvalidRelayUrl`. `on_event` may be left out by who only publishes and fetches.

        `verify=False` is for a caller that verifies in bulk elsewhere.
        """
        self.dropped: Counter[str] = Counter()
        """Events that were forged, by relay."""
        self._on_event = on_event
        self._secret = secret
        self._verify = verify
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._clock = clock
        self._delivered: RecentSet[tuple[str, str]] = RecentSet(DELIVERIES_MAX)
        self._subscriptions: dict[str, tuple[Filter, ...]] = {}
        self._fetches: dict[str, _Fetch] = {}
        self._fetch_number = 0
        self._background: set[asyncio.Task[PublishOutcome]] = set()
        self._is_started = False
        self._relays: dict[str, RelayConnection] = {}
        for url in urls:
            self._connection(url)

    # Life

    def start(self) -> None:
        """Connect to all relays, in the background and for ever."""
        self._is_started = True
        for relay in self._relays.values():
            relay.start()

    async def close(self) -> None:
        """Disconnect from all, and give up what is still being published."""
        self._is_started = False
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await asyncio.gather(*(relay.close() for relay in self._relays.values()))

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def relays(self) -> Mapping[str, RelayConnection]:
        """The connections by normalised URL, to look at `connected` and `last_error`."""
        return self._relays

    async def add(self, url: str) -> None:
        """One more relay, with all subscriptions. Raises `InvalidRelayUrl`."""
        if normalise_relay_url(url) in self._relays:
            return
        relay = self._connection(url)
        for name, filters in self._subscriptions.items():
            await relay.subscribe(name, filters)
        if self._is_started:
            relay.start()

    async def remove(self, url: str) -> None:
        """One relay fewer; unknown ones are no error."""
        relay = self._relays.pop(normalise_relay_url(url), None)
        if relay is not None:
            await relay.close()

    def _connection(self, url: str) -> RelayConnection:
        url = normalise_relay_url(url)
        relay = RelayConnection(
            url,
            on_event=partial(self._receive, url),
            on_stored_events_end=partial(self._end_stored, url),
            on_subscription_closed=partial(self._end_closed, url),
            on_state=partial(self._note_state, url),
            secret=self._secret,
            rng=self._rng,
            clock=self._clock,
        )
        self._relays[url] = relay
        return relay

    # Publishing

    async def publish(
        self, event: Event, *, minimum: int = 1, timeout_s: float = 10.0
    ) -> dict[str, PublishOutcome]:
        """Send to all relays; return when `minimum` accepted, or all answered or timed out.

        It goes on in the background for those that are `PENDING`, until `timeout_s`.
        """
        self._check_may_wait()
        tasks = {
            url: asyncio.create_task(_publish(relay, event, timeout_s))
            for url, relay in self._relays.items()
        }
        for task in tasks.values():
            self._background.add(task)
            task.add_done_callback(self._background.discard)
        waiting = set(tasks.values())
        accepted = 0
        while waiting and accepted < minimum:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            accepted += sum(task.result().is_accepted for task in done)
        pending = PublishOutcome(Answer.PENDING)
        return {url: task.result() if task.done() else pending for url, task in tasks.items()}

    # Subscribing

    async def subscribe(self, name: str, filters: tuple[Filter, ...]) -> None:
        """Open a subscription on all relays, or replace it. Raises `LocalProtocolError`."""
        if self._on_event is None:
            raise LocalProtocolError("a pool without an event handler cannot subscribe")
        for relay in self._relays.values():
            await relay.subscribe(name, filters)
        self._subscriptions[name] = filters

    async def unsubscribe(self, name: str) -> None:
        """End a subscription on all relays. Raises `LocalProtocolError` when there is none."""
        if self._subscriptions.pop(name, None) is None:
            raise LocalProtocolError(f"there is no subscription {name!r}")
        for relay in self._relays.values():
            await relay.unsubscribe(name)

    async def fetch(self, filters: tuple[Filter, ...], timeout_s: float = 10.0) -> list[Event]:
        """The union of what the relays have stored, newest first, over as many pages as it takes.

        Waits for every relay that is neither unreachable nor breaks off, and for one at least.
        After `timeout_s` it returns what there is if a relay has answered in full, and raises
        `TimeoutError` otherwise.
        Raises `RelayUnavailable` when every relay refused.
        """
        self._check_may_wait()
        self._fetch_number += 1
        name = f"fetch-{self._fetch_number}"
        fetch = self._fetches[name] = _Fetch()
        asked: list[RelayConnection] = []
        try:
            for relay in list(self._relays.values()):
                await relay.subscribe(name, filters)
                asked.append(relay)
            await self._wait_for(fetch, timeout_s)
        finally:
            del self._fetches[name]
            for relay in asked:
                await relay.unsubscribe(name)
        return sorted(fetch.events.values(), key=lambda event: (-event.created_at, event.id))

    async def _wait_for(self, fetch: _Fetch, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not (fetch.is_full() or self._has_ended(fetch)):
                    await fetch.has_news.wait()
                    fetch.has_news.clear()
        except TimeoutError:
            if None not in fetch.ended.values():
                raise
        if fetch.ended and None not in fetch.ended.values():
            raise RelayUnavailable("; ".join(f"{url}: {why}" for url, why in fetch.ended.items()))

    def _has_ended(self, fetch: _Fetch) -> bool:
        hopeful = {url for url, relay in self._relays.items() if relay.last_error is None}
        return bool(fetch.ended) and hopeful - fetch.lost <= fetch.ended.keys()

    # What the connections report

    async def _receive(self, url: str, name: str, event: Event) -> None:
        # What nobody has verified could bear the id and signature of a true event.
        identity = event.id if self._verify else hashlib.sha256(event.to_json()).hexdigest()
        fetch = self._fetches.get(name)
        if fetch is not None:
            self._collect(url, fetch, identity, event)
        elif self._on_event is not None and (name, identity) not in self._delivered:
            self._check(url, event)
            # Before the handler runs, as another relay may send a copy meanwhile.
            self._delivered.add((name, identity))
            pending = self._on_event(name, event)
            if inspect.isawaitable(pending):
                await pending

    def _collect(self, url: str, fetch: _Fetch, identity: str, event: Event) -> None:
        if identity in fetch.events or fetch.is_full():
            return
        self._check(url, event)
        fetch.events[identity] = event
        if fetch.is_full():
            fetch.has_news.set()

    def _check(self, url: str, event: Event) -> None:
        if not self._verify:
            return
        try:
            verify_event(event)
        except InvalidEvent as error:
            self.dropped[url] += 1
            raise RemoteProtocolError(str(error), event_id=event.id) from error

    def _end_stored(self, url: str, name: str, complete: bool) -> None:
        self._end(url, name, None if complete else "the relay stopped before the end")

    def _end_closed(self, url: str, name: str, message: str) -> None:
        self._end(url, name, message or "the relay closed the query")

    def _end(self, url: str, name: str, why: str | None) -> None:
        fetch = self._fetches.get(name)
        if fetch is not None:
            fetch.ended[url] = why
            fetch.has_news.set()

    def _note_state(self, url: str) -> None:
        relay = self._relays.get(url)
        for fetch in self._fetches.values():
            if relay is None or not relay.connected:
                fetch.lost.add(url)
            fetch.has_news.set()

    def _check_may_wait(self) -> None:
        for relay in self._relays.values():
            relay.check_may_wait()


async def _publish(relay: RelayConnection, event: Event, timeout_s: float) -> PublishOutcome:
    try:
        answer = await relay.publish(event, timeout_s)
    except RelayRefused as error:
        return PublishOutcome(Answer.REFUSED, str(error))
    except TimeoutError:
        return PublishOutcome(Answer.UNREACHABLE, relay.last_error or "no answer in time")
    except RelayUnavailable as error:
        return PublishOutcome(Answer.UNREACHABLE, str(error))
    except LocalProtocolError as error:
        return PublishOutcome(Answer.REFUSED, str(error))
    return PublishOutcome(Answer.ACCEPTED, answer.message)
