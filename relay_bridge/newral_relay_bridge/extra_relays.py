"""Relays on which a requester asks to be answered: connected to only while there is something due.

Their addresses come from strangers. So there are few connections at a time, each has little time,
and none is made into a private network, unless the whole market lives in one.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import socket
from collections.abc import Callable, Collection
from typing import Final
from urllib.parse import urlsplit

from newral_relay_bridge.counts import RelayCounts
from newral_relay_bridge.courier import SLEEP_S_MAX, Courier
from newral_relay_bridge.relay_store import RelayStore
from newral_spec.event import Event
from newral_spec.transport import RelayConnection

CONNECTIONS_MAX: Final = 16
CONNECT_S: Final = 15.0
RESOLVE_S: Final = 5.0

LINGER_S: Final = 30.0
"""A connection stays open for the next event, which for a running job comes soon."""

EXTRA_RETRY_S: Final = 900.0
"""How long an event is tried on an extra relay."""

PAUSE_S: Final = 120.0
"""Before a relay that was not reached is tried again."""

_log = logging.getLogger(__name__)


class ExtraRelays:
    """Publishes what is parked for relays other than the configured ones."""

    def __init__(
        self,
        store: RelayStore,
        *,
        configured: Collection[str],
        allow_private: bool,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        """`configured`: the normalised URLs of relays that others take care of."""
        self._store = store
        self._configured = configured
        self._allow_private = allow_private
        self._clock = clock
        self._rng = rng
        self._open: dict[str, Courier | None] = {}
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Something was parked for an extra relay."""
        self._news.set()
        for courier in self._open.values():
            if courier is not None:
                courier.wake()

    async def run(self) -> None:
        """Serve relays as they have something due, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._news.clear()
                free = CONNECTIONS_MAX - len(self._open)
                known = [*self._configured, *self._open]
                for relay in await self._store.due_relays(known, self._clock(), free):
                    self._open[relay] = None
                    tasks.create_task(self._serve(relay), name=f"extra relay {relay}")
                try:
                    async with asyncio.timeout(SLEEP_S_MAX):
                        await self._news.wait()
                except TimeoutError:
                    continue

    async def _serve(self, relay: str) -> None:
        try:
            error = await self._deliver(relay)
            if error is not None:
                _log.info("extra relay %s: %s", relay, error)
                now = self._clock()
                await self._store.postpone_relay(relay, now + PAUSE_S, error, now)
        finally:
            del self._open[relay]
            self._news.set()  # There is a free place.

    async def _deliver(self, relay: str) -> str | None:
        """Why the relay could not be reached, or `None`."""
        if not self._allow_private and not await is_public(relay):
            return "not a public address"
        is_connected = asyncio.Event()

        def on_state() -> None:
            is_connected.set()
            courier.wake()

        # Without our key: a stranger's relay need not learn who we are to take an event.
        connection = RelayConnection(relay, on_event=_ignore, on_state=on_state, clock=self._clock)
        courier = Courier(connection, self._store, RelayCounts(), clock=self._clock, rng=self._rng)
        self._open[relay] = courier
        async with connection:
            try:
                async with asyncio.timeout(CONNECT_S):
                    await is_connected.wait()
            except TimeoutError:
                return "no connection in time"
            if not connection.connected:
                return connection.last_error or "no connection"
            is_busy = True
            while is_busy and connection.connected:
                await courier.drain()
                is_busy = await courier.wait_for_news(LINGER_S)
            # One that hangs up again and again is not called back at once.
            return None if connection.connected else connection.last_error or "connection lost"


def _ignore(_subscription: str, _event: Event) -> None:
    """Nothing is subscribed to here."""


async def is_public(url: str) -> bool:
    """Whether every address of the host of a normalised URL is reachable from the Internet.

    A name that answers differently the next time gets past this, to a websocket handshake, which
    changes nothing anywhere: a GET request with no secret in it.
    """
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await loop.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return False
    addresses = [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found]
    return bool(addresses) and all(address.is_global for address in addresses)
