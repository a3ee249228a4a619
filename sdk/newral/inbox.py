"""News waiting for a reader."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from newral_spec.event import Event

WAITING_MAX: Final = 1000
"""More feedback than a job's reader misses anything by: only the latest counts."""


class Inbox:
    """A queue that never blocks its writer: when nobody reads, the oldest events are dropped.

    The writer is the relay connection, which must go on serving everything else.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=WAITING_MAX)
        self._arrived = asyncio.Event()

    def put(self, event: Event) -> None:
        """Add an event."""
        self._events.append(event)
        self._arrived.set()

    async def get(self) -> Event:
        """The oldest event, as soon as there is one."""
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()
