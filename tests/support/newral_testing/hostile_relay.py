"""A relay that answers a subscription with whatever the test wants."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Behaviour = Callable[[ServerConnection, str], Awaitable[None]]
"""Called for each REQ with the connection and the subscription id."""


@asynccontextmanager
async def hostile_relay(behaviour: Behaviour) -> AsyncIterator[str]:
    """Serves on loopback; gives the URL."""

    async def handle(websocket: ServerConnection) -> None:
        try:
            async for raw in websocket:
                message = json.loads(raw)
                if message[0] == "REQ":
                    await behaviour(websocket, message[1])
        except ConnectionClosed:
            pass

    async with serve(handle, "127.0.0.1", 0, close_timeout=1) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
