"""The application: every route of the coordinator's HTTP server."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from newral_coordinator.blobs import BlobStore
from newral_coordinator.http.blossom import BlossomRoutes, MayRead, MayUpload
from newral_coordinator.http.bounds import QUERY_BYTES_MAX, Bounds
from newral_coordinator.http.headers import add_headers, preflight
from newral_coordinator.http.market import MarketRoutes
from newral_coordinator.http.problems import problems, remember_response
from newral_coordinator.http.sources import MarketSource, TrailSource
from newral_coordinator.http.trail import TrailRoutes


def create_app(
    *,
    blobs: BlobStore,
    trail: TrailSource,
    market: MarketSource,
    may_read: MayRead,
    may_upload: MayUpload,
    clock: Callable[[], float],
    bounds: Bounds | None = None,
) -> web.Application:
    """Blobs, trail and dashboard under one base URL.

    `may_read(sha256, permission)` says whether a request with this permission may have the blob.
    `may_upload(public key, sha256, size)` returns None, or why this key may not store this blob.
    `clock` gives Unix seconds.
    """
    bounds = bounds or Bounds()
    app = web.Application(middlewares=[preflight, problems], client_max_size=QUERY_BYTES_MAX)
    app.on_response_prepare.extend((add_headers, remember_response))
    app.add_routes(MarketRoutes(market, clock, bounds).routes())
    app.add_routes(TrailRoutes(trail, clock, bounds).routes())
    app.add_routes(BlossomRoutes(blobs, may_read, may_upload, clock, bounds).routes())
    return app
