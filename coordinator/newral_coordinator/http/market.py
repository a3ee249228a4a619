"""The market for people (`/`) and for programs (`/api/market`)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from aiohttp import hdrs, web

from newral_coordinator.http.bounds import Bounds
from newral_coordinator.http.dashboard import CONTENT_SECURITY_POLICY, render
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
        return web.Response(
            text=render(await self._snapshot.get()),
            content_type="text/html",
            headers={
                hdrs.CACHE_CONTROL: "no-store",
                "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            },
        )
