"""Texts that wait to be sent to one client, and whoever waits for there to be fewer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from newral_relay_bridge.embedded_relay.config import OUTBOX_BYTES_MAX


class Outbox:
    """Unbounded by itself: whoever fills it waits for `has_room` at the next occasion."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._chars = 0
        self._has_text = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._is_abandoned = False

    @property
    def is_full(self) -> bool:
        """Whether the client should read before more is written for it."""
        return not self._has_room.is_set()

    def put(self, texts: Iterable[str]) -> None:
        """Append, never refusing."""
        if self._is_abandoned:
            return
        for text in texts:
            self._texts.append(text)
            self._chars += len(text)
        if self._texts:
            self._has_text.set()
        if self._chars > OUTBOX_BYTES_MAX:
            self._has_room.clear()

    async def get(self) -> str:
        """The next text."""
        await self._has_text.wait()
        text = self._texts.popleft()
        self._chars -= len(text)
        if not self._texts:
            self._has_text.clear()
        if self._chars <= OUTBOX_BYTES_MAX // 2:
            self._has_room.set()
        return text

    def abandon(self) -> None:
        """Nobody will read any more: nobody has to wait."""
        self._is_abandoned = True
        self._texts.clear()
        self._has_text.clear()
        self._has_room.set()

    async def has_room(self) -> None:
        """Wait until the client has read enough."""
        await self._has_room.wait()
