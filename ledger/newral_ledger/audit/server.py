"""The coordinator's HTTP server, as an auditor reads it: bounded, and believed in nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec

from newral_ledger import tiles
from newral_ledger.audit.inputs import ClaimedBalances
from newral_ledger.tiles import BundleAddress
from newral_spec import limits
from newral_spec.event import Event, InvalidEvent, parse_event
from newral_spec.messages.fields import Count

CONNECT_S: Final = 10
RESPONSE_S: Final = 120
"""For a whole response: 64 MiB over a slow line."""

EVENTS_PER_REQUEST: Final = 500
"""What the server answers at once."""

EVENTS_BYTES_MAX: Final = EVENTS_PER_REQUEST * (limits.EVENT_BYTES_MAX + 1)

RECEIPTS_BYTES_MAX: Final = 16 * 1024 * 1024
"""One page of receipts: at most some 4 MB by the server's own limit."""

RECEIPT_PAGES_MAX: Final = 1_000_000

BALANCES_BYTES_MAX: Final = 64 * 1024 * 1024
"""More than half a million accounts."""

BUNDLES_AT_ONCE: Final = 8

LOG_ENTRIES_MAX: Final = 4_000_000
"""What is held in memory: about 2 GB. A larger log is audited by other means."""

CHUNK_BYTES: Final = 64 * 1024


class FetchError(Exception):
    """The trail cannot be obtained; the message says which part, and why."""


class _Balances(msgspec.Struct, frozen=True):
    log_size: Count
    balances: dict[str, int]


class TrailServer:
    """A connection to the server that a coordinator announced. Use as a context manager.

    Every method raises `FetchError`.
    """

    def __init__(self, base_url: str) -> None:
        """`base_url` is what the announcement calls `blobs`."""
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise FetchError(f"the trail is served over HTTP, not at {base_url[:80]!r}")
        self._base = base_url.rstrip("/")
        self._session = aiohttp.ClientSession(
            # What is unpacked could be far larger than what was sent.
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=RESPONSE_S, sock_connect=CONNECT_S),
            trust_env=parts.hostname not in ("localhost", "127.0.0.1", "::1"),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def checkpoint(self) -> Event | None:
        """The newest checkpoint, unverified; None before the first."""
        raw = await self._get("/log/checkpoint", limits.EVENT_BYTES_MAX)
        if raw is None:
            return None
        try:
            return parse_event(raw)
        except InvalidEvent as error:
            raise FetchError(f"{self._base}/log/checkpoint is no event: {error}") from error

    async def balances(self) -> ClaimedBalances:
        """The balances that the coordinator states."""
        raw = await self._get("/ledger/balances", BALANCES_BYTES_MAX)
        if raw is None:
            raise FetchError(f"{self._base} states no balances")
        try:
            stated = msgspec.json.decode(raw, type=_Balances)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise FetchError(f"{self._base}/ledger/balances: {error}") from error
        return ClaimedBalances(stated.log_size, stated.balances)

    async def entries(self, size: int) -> tuple[bytes, ...]:
        """The first `size` entries of the log, or as many as the server has."""
        if size > LOG_ENTRIES_MAX:
            raise FetchError(f"the log has {size} entries: more than {LOG_ENTRIES_MAX}")
        addresses = tiles.bundle_addresses(size)
        entries: list[bytes] = []
        for start in range(0, len(addresses), BUNDLES_AT_ONCE):
            batch = addresses[start : start + BUNDLES_AT_ONCE]
            for bundle in await asyncio.gather(*map(self._bundle, batch)):
                if bundle is None:
                    return tuple(entries)
                entries += bundle
        return tuple(entries)

    async def _bundle(self, address: BundleAddress) -> list[bytes] | None:
        path = f"/log/tile/entries/{tiles.bundle_path(address)}"
        raw = await self._get(path, tiles.BUNDLE_BYTES_MAX)
        if raw is None:
            return None
        try:
            return tiles.decode_bundle(raw, address.width)
        except tiles.InvalidBundle as error:
            raise FetchError(f"{self._base}{path}: {error}") from error

    async def events(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Those of these events that the server has archived, unverified."""
        found: dict[str, bytes] = {}
        for start in range(0, len(ids), EVENTS_PER_REQUEST):
            query = {"ids": ids[start : start + EVENTS_PER_REQUEST]}
            raw = await self._request("POST", "/log/events", EVENTS_BYTES_MAX, query) or b""
            for line in raw.split(b"\n"):
                try:
                    found[parse_event(line).id] = line
                except InvalidEvent:
                    continue  # The audit will miss it, and say so.
        return {event_id: found[event_id] for event_id in ids if event_id in found}

    async def receipts(self) -> list[Event]:
        """Every receipt that the server has kept, unverified."""
        receipts: list[Event] = []
        for page in range(RECEIPT_PAGES_MAX):
            raw = await self._get(f"/log/receipts/{page}", RECEIPTS_BYTES_MAX)
            if raw is None:
                break
            try:
                receipts += [parse_event(line) for line in raw.splitlines()]
            except InvalidEvent as error:
                raise FetchError(f"{self._base}/log/receipts/{page}: {error}") from error
        return receipts

    async def _get(self, path: str, bytes_max: int) -> bytes | None:
        return await self._request("GET", path, bytes_max)

    async def _request(
        self, method: str, path: str, bytes_max: int, body: object = None
    ) -> bytes | None:
        """A response's body; None when there is no such thing."""
        url = self._base + path
        try:
            async with self._session.request(
                method,
                url,
                json=body,
                allow_redirects=False,
                headers={"Accept-Encoding": "identity"},
            ) as response:
                if response.status == HTTPStatus.NOT_FOUND:
                    return None
                if response.status != HTTPStatus.OK:
                    raise FetchError(f"{url} answered {response.status}")
                return await _read(response, bytes_max)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise FetchError(f"{url}: {error or type(error).__name__}") from error


async def _read(response: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > bytes_max:
            raise FetchError(f"{response.url} sends more than {bytes_max} bytes")
    return bytes(body)
