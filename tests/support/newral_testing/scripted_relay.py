"""A relay that does what a test tells it to, however wrong: it checks nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from newral_spec.event import Event, parse_event
from newral_spec.session import parse_filter

Answer = Callable[[Event], tuple[bool, str] | None]
"""To a publication: accepted, and the message; or `None` for silence."""


def accept(_event: Event) -> tuple[bool, str]:
    return True, ""


class ScriptedRelay:
    """Sends what it was told to store to whoever asks for it, and keeps what is published."""

    def __init__(self, answer: Answer = accept) -> None:
        self.url = ""
        self.stored: list[Event] = []
        self.preamble: list[str | bytes] = []
        """Sent, as it is, before the events of every subscription."""
        self.published: list[Event] = []
        self.requests: list[list[dict[str, Any]]] = []
        """The filters of every subscription, in order."""
        self._answer = answer
        self._subscriptions: list[tuple[ServerConnection, str, list[dict[str, Any]]]] = []

    async def post(self, event: Event) -> None:
        """Store the event and send it to those who are subscribed."""
        self.stored.append(event)
        for websocket, name, filters in self._subscriptions:
            await self._send_matching(websocket, name, filters, event)

    async def serve_client(self, websocket: ServerConnection) -> None:
        try:
            async for text in websocket:
                await self._handle(websocket, json.loads(text))
        except ConnectionClosed:
            return
        finally:
            self._subscriptions = [item for item in self._subscriptions if item[0] != websocket]

    async def _handle(self, websocket: ServerConnection, message: list[Any]) -> None:
        match message:
            case ["EVENT", event_json]:
                event = parse_event(json.dumps(event_json))
                self.published.append(event)
                answer = self._answer(event)
                if answer is not None:
                    await websocket.send(json.dumps(["OK", event.id, *answer]))
            case ["REQ", name, *filters]:
                self.requests.append(filters)
                self._subscriptions.append((websocket, name, filters))
                for raw in self.preamble:
                    await websocket.send(raw)
                for event in self.stored:
                    await self._send_matching(websocket, name, filters, event)
                await websocket.send(json.dumps(["EOSE", name]))
            case ["CLOSE", name]:
                self._subscriptions = [
                    item for item in self._subscriptions if item[:2] != (websocket, name)
                ]

    async def _send_matching(
        self, websocket: ServerConnection, name: str, filters: list[dict[str, Any]], event: Event
    ) -> None:
        if any(parse_filter(wanted).matches(event) for wanted in filters):
            await websocket.send(json.dumps(["EVENT", name, json.loads(event.to_json())]))


@asynccontextmanager
async def scripted_relay(answer: Answer = accept, port: int = 0) -> AsyncIterator[ScriptedRelay]:
    relay = ScriptedRelay(answer)
    async with serve(relay.serve_client, "127.0.0.1", port, compression=None) as server:
        relay.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield relay


async def eventually(condition: Callable[[], Any], timeout_s: float = 30.0) -> None:
    """Wait until the condition, which may be a coroutine function's, holds."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.02)
