"""A websocket client that knows nothing of sessions, so that it can also misbehave."""

from __future__ import annotations

import asyncio
import json
import secrets
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import connect

from newral_spec.event import Event

ANSWER_S = 10.0


class RawClient:
    """Sends and receives JSON arrays."""

    def __init__(self, url: str) -> None:
        self._connecting = connect(
            url, compression=None, max_size=None, proxy=None, close_timeout=1
        )

    async def __aenter__(self) -> Self:
        self.websocket = await self._connecting
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.websocket.close()

    async def send(self, *parts: object) -> None:
        await self.websocket.send(json.dumps(parts))

    async def receive(self, *types: str) -> list[Any]:
        """The next message of one of these types; others are passed over."""
        async with asyncio.timeout(ANSWER_S):
            while True:
                message = json.loads(await self.websocket.recv())
                if message[0] in types:
                    return list(message)

    async def publish(self, event: Event) -> tuple[bool, str]:
        """Whether the relay accepted, and what it said."""
        await self.send("EVENT", json.loads(event.to_json()))
        while True:
            _, event_id, accepted, text = await self.receive("OK")
            if event_id == event.id:
                return accepted, text

    async def fetch(self, *filters: dict[str, Any]) -> list[dict[str, Any]]:
        """What is stored, in the order in which the relay sends it."""
        name = secrets.token_hex(4)
        await self.send("REQ", name, *filters)
        events: list[dict[str, Any]] = []
        while True:
            message = await self.receive("EVENT", "EOSE", "CLOSED")
            if message[1] != name:
                continue
            assert message[0] != "CLOSED", message
            if message[0] == "EOSE":
                await self.send("CLOSE", name)
                return events
            events.append(message[2])
