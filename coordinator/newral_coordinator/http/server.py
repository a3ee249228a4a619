"""Listening: from an application to a base URL."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

from aiohttp import web

from newral_coordinator.http.bounds import Bounds

LOOPBACK: Final = "127.0.0.1"

_SHUTDOWN_S: Final = 5.0  # what is under way may end; the coordinator itself ends within ten
_REFUSAL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Retry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


@asynccontextmanager
async def serve(
    app: web.Application, *, host: str = LOOPBACK, port: int = 0, bounds: Bounds | None = None
) -> AsyncIterator[str]:
    """Serve until the block ends; yields the base URL of the address, without a slash at its end.

    Port 0 takes a free one. Behind a proxy, what is announced is the proxy's URL instead. Raises
    `OSError` when the address cannot be bound.
    """
    bounds = bounds or Bounds()
    runner = web.AppRunner(
        app,
        access_log=None,
        # A compressed body may be a thousand times its Content-Length.
        auto_decompress=False,
        keepalive_timeout=bounds.idle_s,
        lingering_time=bounds.linger_s,
        shutdown_timeout=_SHUTDOWN_S,
    )
    await runner.setup()
    try:
        listener = await asyncio.get_running_loop().create_server(
            lambda: _protocol(runner, bounds.connections_max), host, port
        )
        try:
            yield _base_url(listener)
        finally:
            listener.close()
    finally:
        await runner.cleanup()


def _protocol(runner: web.AppRunner, connections_max: int) -> asyncio.Protocol:
    server = cast(web.Server, runner.server)
    return server() if len(server.connections) < connections_max else _Refusal()


class _Refusal(asyncio.Protocol):
    """Says that there is no room, and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        writable = cast(asyncio.Transport, transport)
        writable.write(_REFUSAL)
        writable.close()


def _base_url(listener: asyncio.Server) -> str:
    host, port = listener.sockets[0].getsockname()[:2]
    version = ipaddress.ip_address(host).version
    return f"http://[{host}]:{port}" if version == 6 else f"http://{host}:{port}"
