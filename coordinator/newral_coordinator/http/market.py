"""The market for people (`/`) and for programs (`/api/market`)."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec
from aiohttp import hdrs, web

from newral_coordinator.http.bounds import Bounds
from newral_coordinator.http.dashboard import render
from newral_coordinator.http.gate import Shared
from newral_coordinator.http.sources import MarketSource


class MarketRoutes:
    """One snapshot, as a page and as JSON."""

    def __init__(self, market: MarketSource, clock: Callable[[], float], bounds: Bounds) -> None:
        self._snapshot = Shared(market.snapshot, bounds.snapshot_age_s, clock)

    def routes(self) -> list[web.RouteDef]:
        """For an application's router."""
        return [web.get("/", self._page), web.get("/api/market", self._json)]

    async def _json(self, _request: web.Request) -> web.Response:
        body = msgspec.json.encode(await self._snapshot.get())
        return web.Response(
            body=body,
            content_type="application/json",
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )

    async def _page(self, _request: web.Request) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        return web.Response(
            text=render(await self._snapshot.get(), nonce),
            content_type="text/html",
            headers={
                hdrs.CACHE_CONTROL: "no-store",
                "Content-Security-Policy": _content_security_policy(nonce),
            },
        )


def _content_security_policy(nonce: str) -> str:
    """Only the page's own script and style run, whatever a job's name holds."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            f"style-src 'nonce-{nonce}'",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
