"""One configured relay: what is read from it, and how far that is complete."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from typing import Any, Final

from newral_relay_bridge.counts import RelayCounts
from newral_relay_bridge.courier import Courier
from newral_relay_bridge.inbound import Inbound
from newral_relay_bridge.relay_store import RelayStore
from newral_relay_bridge.subscriptions import coordinator_filters
from newral_spec.event import Event
from newral_spec.keys import SecretKey
from newral_spec.session.wire import prefix_of
from newral_spec.transport import RelayConnection
from newral_spec.transport.relay_connection import PASSING_PREFIXES

MARK_S: Final = 10.0
"""Between marks of how far everything from a relay is committed."""

REOPEN_S: Final = 300.0
"""Before a subscription that the relay ended is asked for again."""


class RelayLink:
    """A connection, its subscriptions, and the courier who publishes over it.

    Subscriptions are opened anew on every connection, from what is *committed* and not from what
    was received, and far enough back for gift wraps. Each connection has names of its own, so that
    nothing of an earlier one is taken for an answer.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: SecretKey,
        inbound: Inbound,
        store: RelayStore,
        counts: RelayCounts,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        """`url` is normalised. `secret` answers relays that ask who we are (NIP-42)."""
        self._coordinator = secret.public_key
        self._inbound = inbound
        self._clock = clock
        self._connections = 0
        self._followed = 0
        self._first_mark = math.inf
        self._unread: set[str] = set()
        self._ended: dict[str, float] = {}
        self._refusals: dict[str, str] = {}
        self._names: tuple[str, ...] = ()
        self._changed = asyncio.Event()
        self.url = url
        self.counts = counts
        self.connection = RelayConnection(
            url,
            on_event=self._receive,
            on_stored_events_end=self._on_stored_events_end,
            on_subscription_closed=self._on_subscription_closed,
            on_state=self._on_state,
            secret=secret,
            rng=rng,
            clock=clock,
        )
        self.courier = Courier(self.connection, store, counts, clock=clock, rng=rng)

    @property
    def is_complete(self) -> bool:
        """Whether all that the relay had when this connection was made is committed."""
        return self._is_read and self._inbound.complete_until(self.url) >= self._first_mark

    @property
    def _is_read(self) -> bool:
        """Whether all that the relay had stored was received, on this connection."""
        return (
            self.connection.connected and self._followed == self._connections and not self._unread
        )

    def status(self) -> dict[str, Any]:
        """For people and monitors."""
        return {
            "connected": self.connection.connected,
            "complete": self.is_complete,
            "last_error": self.connection.last_error,
            "refused_subscriptions": dict(self._refusals),
            "complete_until": self._inbound.complete_until(self.url),
            "received": self.counts.received,
            "duplicates": self.counts.duplicates,
            "forged": self.counts.forged,
            "published": self.counts.published,
            "refused": self.counts.refused,
        }

    async def run(self) -> None:
        """Read and publish until cancelled."""
        async with self.connection, asyncio.TaskGroup() as tasks:
            tasks.create_task(self.courier.run(), name=f"courier of {self.url}")
            while True:
                try:
                    async with asyncio.timeout(MARK_S):
                        await self._changed.wait()
                except TimeoutError:
                    pass
                self._changed.clear()
                await self._follow()

    async def _follow(self) -> None:
        if not self.connection.connected:
            await self._unsubscribe()
            return
        now = self._clock()
        is_new = self._followed != self._connections
        if is_new or any(ended + REOPEN_S <= now for ended in self._ended.values()):
            await self._unsubscribe()
            await self._subscribe(now)
        if self._is_read:
            self._first_mark = min(self._first_mark, now)
            await self._inbound.mark(self.url, now)

    async def _unsubscribe(self) -> None:
        for name in self._names:
            await self.connection.unsubscribe(name)
        self._names = ()
        self._unread.clear()
        self._ended.clear()
        self._refusals.clear()

    async def _subscribe(self, now: float) -> None:
        self._followed = self._connections
        self._first_mark = math.inf
        filters = coordinator_filters(
            self._coordinator, complete_until=self._inbound.complete_until(self.url), now=now
        )
        serial = f"{self._connections}.{int(now)}"
        named = {f"{name}.{serial}": wanted for name, wanted in filters.items()}
        self._names = tuple(named)
        self._unread = set(named)
        for name, wanted in named.items():
            await self.connection.subscribe(name, wanted)

    # What the connection reports

    async def _receive(self, _subscription: str, event: Event) -> None:
        await self._inbound.receive(self.url, event)

    def _on_state(self) -> None:
        if self.connection.connected:
            self._connections += 1
        self._changed.set()
        self.courier.wake()

    def _on_stored_events_end(self, name: str, complete: bool) -> None:
        if name not in self._names:
            return
        if complete:
            self._unread.discard(name)
            self._ended.pop(name, None)
        else:
            self._ended[name] = self._clock()
        if not self._unread:
            self._changed.set()

    def _on_subscription_closed(self, name: str, message: str) -> None:
        if name not in self._names:
            return
        self._ended[name] = self._clock()
        self._refusals[name.partition(".")[0]] = message[:200]
        if prefix_of(message) in PASSING_PREFIXES:
            self._unread.add(name)
        else:
            # What a relay does not let us read is no reason to read all the rest again and again.
            self._unread.discard(name)
        self._changed.set()
