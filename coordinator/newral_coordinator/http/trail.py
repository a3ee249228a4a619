"""The trail over HTTP: checkpoint, entry bundles, archived events, balances."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from aiohttp import hdrs, web

from newral_coordinator.http.bounds import EVENT_IDS_AT_ONCE, EVENT_IDS_MAX, Bounds
from newral_coordinator.http.gate import Queue, Shared
from newral_coordinator.http.headers import IMMUTABLE
from newral_coordinator.http.problems import Problem
from newral_coordinator.http.sending import send, single
from newral_coordinator.http.sources import TrailSource
from newral_ledger import tiles
from newral_spec.messages.fields import Hex32

_LIVE: Final = {hdrs.CACHE_CONTROL: "no-cache"}


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /log/events`."""

    ids: Annotated[tuple[Hex32, ...], msgspec.Meta(max_length=EVENT_IDS_MAX)]


_query_decoder: Final = msgspec.json.Decoder(EventsQuery)


class TrailRoutes:
    """`/log/…` and `/ledger/balances`: all that an audit reads, for anybody."""

    def __init__(self, trail: TrailSource, clock: Callable[[], float], bounds: Bounds) -> None:
        self._trail = trail
        self._bounds = bounds
        self._queue = Queue(bounds.queries_max, bounds.queue_s)
        self._balances = Shared(trail.balances, bounds.snapshot_age_s, clock)

    def routes(self) -> list[web.RouteDef]:
        """For an application's router."""
        return [
            web.get("/log/checkpoint", self._checkpoint),
            web.get("/log/tile/entries/{path:.+}", self._bundle),
            web.post("/log/events", self._events),
            web.get(r"/log/receipts/{page:\d{1,9}}", self._receipts),
            web.get("/ledger/balances", self._ledger),
        ]

    async def _checkpoint(self, _request: web.Request) -> web.StreamResponse:
        async with self._queue.turn():
            checkpoint = await self._trail.checkpoint()
        if checkpoint is None:
            raise Problem(HTTPStatus.NOT_FOUND, "the log has no checkpoint yet")
        return web.Response(body=checkpoint, content_type="application/json", headers=_LIVE)

    async def _bundle(self, request: web.Request) -> web.StreamResponse:
        try:
            address = tiles.parse_bundle_path(request.match_info["path"])
        except tiles.InvalidBundle as error:
            raise Problem(HTTPStatus.NOT_FOUND, str(error)) from error
        width = None if address.width == tiles.BUNDLE_WIDTH else address.width
        async with self._queue.turn():
            bundle = await self._trail.bundle(address.number, width)
        if bundle is None:
            raise Problem(HTTPStatus.NOT_FOUND, "the log has not so many entries")
        response = web.StreamResponse(headers={hdrs.CACHE_CONTROL: IMMUTABLE})
        response.content_type = "application/octet-stream"
        response.content_length = len(bundle)
        return await send(request, response, single(bundle), chunk_s=self._bounds.send_s)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        ids = await self._queried_ids(request)
        response = web.StreamResponse(headers=_LIVE)
        response.content_type = "application/jsonl"
        return await send(request, response, self._lines(ids), chunk_s=self._bounds.send_s)

    async def _queried_ids(self, request: web.Request) -> list[str]:
        try:
            async with asyncio.timeout(self._bounds.query_s):
                query = _query_decoder.decode(await request.read())
        except TimeoutError as error:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the body has to arrive within {self._bounds.query_s:.0f} s",
            ) from error
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                f'the body must be {{"ids": [at most {EVENT_IDS_MAX} event ids]}}: {error}',
            ) from error
        return list(dict.fromkeys(query.ids))

    async def _lines(self, ids: Sequence[str]) -> AsyncIterator[bytes]:
        for start in range(0, len(ids), EVENT_IDS_AT_ONCE):
            async with self._queue.turn():
                events = await self._trail.events(ids[start : start + EVENT_IDS_AT_ONCE])
            yield b"".join(event + b"\n" for event in events)

    async def _receipts(self, request: web.Request) -> web.StreamResponse:
        async with self._queue.turn():
            receipts = await self._trail.receipts(int(request.match_info["page"]))
        if not receipts:
            raise Problem(HTTPStatus.NOT_FOUND, "there are not so many receipts")
        response = web.StreamResponse(headers=_LIVE)
        response.content_type = "application/jsonl"
        lines = b"".join(receipt + b"\n" for receipt in receipts)
        return await send(request, response, single(lines), chunk_s=self._bounds.send_s)

    async def _ledger(self, _request: web.Request) -> web.StreamResponse:
        body = msgspec.json.encode(await self._balances.get())
        return web.Response(body=body, content_type="application/json", headers=_LIVE)
