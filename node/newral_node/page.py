"""The local page: what the node does, why it is paused, what it has earned.

It listens on loopback. The Host header is checked, so that no web site can reach it by pointing
its own name here (DNS rebinding), and actions need a token that only the page itself knows.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import resources
from typing import Final, Protocol

import msgspec
from aiohttp import web

from newral_node.page_html import render
from newral_node.status import NodeStatus

REQUEST_BYTES_MAX: Final = 4096
TOKEN_HEADER: Final = "X-CSRF-Token"  # noqa: S105 - the header's name

_CONTENT_POLICY: Final = (
    "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Controlled(Protocol):
    """What the page shows and acts upon: a node."""

    async def status(self) -> NodeStatus:
        """What it does now."""

    async def pause(self, reason: str) -> None:
        """Compute nothing."""

    async def resume(self) -> None:
        """Compute again."""


@contextlib.asynccontextmanager
async def serve(node: Controlled, host: str, port: int) -> AsyncIterator[str]:
    """Serve the page while the context lasts, at the URL it gives. Raises `OSError`."""
    page = _Page(node)
    runner = web.AppRunner(page.application(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0][1]
        page.hosts = frozenset(f"{name}:{bound}" for name in ("127.0.0.1", "localhost", "[::1]"))
        yield f"http://{'[::1]' if host == '::1' else host}:{bound}/"
    finally:
        await runner.cleanup()


class _Page:
    def __init__(self, node: Controlled) -> None:
        self.hosts: frozenset[str] = frozenset()
        self._node = node
        self._token = secrets.token_urlsafe(32)
        self._style = _asset("page.css")
        self._script = _asset("page.js")

    def application(self) -> web.Application:
        """Routes and checks."""
        application = web.Application(client_max_size=REQUEST_BYTES_MAX, middlewares=[self._guard])
        application.add_routes(
            [
                web.get("/", self._index),
                web.get("/api/status", self._status),
                web.post("/api/pause", self._pause),
                web.post("/api/resume", self._resume),
            ]
        )
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.host not in self.hosts:
            raise web.HTTPForbidden(text="this page is served to its own address only\n")
        if request.method == "POST":
            token = request.headers.get(TOKEN_HEADER, "")
            if not hmac.compare_digest(token.encode(), self._token.encode()):
                raise web.HTTPForbidden(text=f"{TOKEN_HEADER} is missing or not this page's\n")
        response = await handler(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _index(self, _request: web.Request) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        text = render(
            await self._node.status(),
            token=self._token,
            nonce=nonce,
            style=self._style,
            script=self._script,
        )
        response = web.Response(text=text, content_type="text/html")
        response.headers["Content-Security-Policy"] = _CONTENT_POLICY.format(nonce=nonce)
        return response

    async def _status(self, _request: web.Request) -> web.Response:
        body = msgspec.json.encode(await self._node.status())
        return web.Response(body=body, content_type="application/json")

    async def _pause(self, _request: web.Request) -> web.Response:
        await self._node.pause("paused from the local page")
        return web.Response(status=204)

    async def _resume(self, _request: web.Request) -> web.Response:
        await self._node.resume()
        return web.Response(status=204)


def _asset(name: str) -> str:
    return (resources.files("newral_node") / "assets" / name).read_text(encoding="utf-8")
