"""The coordinator's HTTP server on loopback, over sources that a test fills."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from newral_coordinator.blobs import BlobStore, DiskBlobStore
from newral_coordinator.http import Balances, Bounds, MarketSnapshot, create_app, serve
from newral_spec.keys import SecretKey
from newral_spec.nips import blossom

NOW = 1_800_000_000
NODE = SecretKey(b"\x01" * 32)
STRANGER = SecretKey(b"\x02" * 32)
QUICK = Bounds(linger_s=0.2)
"""A server that hangs up soon on those whom it has refused."""

SNAPSHOT: MarketSnapshot = {
    "name": "A market",
    "pubkey": NODE.public_key,
    "npub": "npub1example",
    "relays": ["wss://relay.example"],
    "started_at": NOW - 3_700,
    "now": NOW,
    "jobs": [
        {
            "id": "ab" * 32,
            "title": "carmichael limit=10^9",
            "requester": STRANGER.public_key,
            "state": "running",
            "progress": 0.42,
            "units": {"planned": 100, "leased": 4, "accepted": 42},
            "budget": 12_000_000,
            "spent": 5_040_000,
            "posted_at": NOW - 90,
            "reason": "",
        }
    ],
    "providers": [
        {
            "pubkey": NODE.public_key,
            "agent": "newral/1.0",
            "units_held": 4,
            "units_accepted": 1042,
            "units_rejected": 0,
            "credits": 125_040_000,
            "seen_at": NOW - 3,
        }
    ],
    "totals": {
        "jobs": 7,
        "jobs_running": 1,
        "providers": 1,
        "units_accepted": 1042,
        "credits_paid": 125_040_000,
    },
    "log_size": 5231,
    "checkpoint": {"size": 5200, "root": "cd" * 32, "at": NOW - 12},
}


@dataclass
class FilledTrail:
    """A `TrailSource` over plain values."""

    checkpoint_json: bytes | None = None
    bundles: dict[tuple[int, int | None], bytes] = field(default_factory=dict)
    archive: dict[str, bytes] = field(default_factory=dict)
    ledger: Balances = field(default_factory=lambda: Balances(log_size=0, balances={}))
    receipt_pages: list[list[bytes]] = field(default_factory=list)
    asked: list[Sequence[str]] = field(default_factory=list)
    reads: int = 0

    async def checkpoint(self) -> bytes | None:
        return self.checkpoint_json

    async def bundle(self, index: int, width: int | None) -> bytes | None:
        return self.bundles.get((index, width))

    async def events(self, ids: Sequence[str]) -> list[bytes]:
        self.asked.append(ids)
        return [self.archive[event_id] for event_id in ids if event_id in self.archive]

    async def receipts(self, page: int) -> list[bytes]:
        return self.receipt_pages[page] if page < len(self.receipt_pages) else []

    async def balances(self) -> Balances:
        self.reads += 1
        return self.ledger


@dataclass
class FilledMarket:
    """A `MarketSource` over plain values."""

    value: MarketSnapshot = field(default_factory=lambda: copy.deepcopy(SNAPSHOT))
    reads: int = 0

    async def snapshot(self) -> MarketSnapshot:
        self.reads += 1
        return self.value


@dataclass
class Leases:
    """Who may upload how much; nobody else may anything."""

    allowed: dict[str, int] = field(default_factory=lambda: {NODE.public_key: 10_000_000})

    async def may_upload(self, public_key: str, _sha256: str, size: int) -> str | None:
        most = self.allowed.get(public_key)
        if most is None:
            return "no lease of yours allows an upload"
        return None if size <= most else f"your leases allow {most} bytes"


@dataclass
class Secrets:
    """Blobs that are not for everybody, and the permissions to read them."""

    permissions: dict[str, str] = field(default_factory=dict)

    async def may_read(self, sha256: str, permission: str | None) -> bool:
        return sha256 not in self.permissions or permission == self.permissions[sha256]


@dataclass
class Served:
    """A running server, a client for it, and what it serves."""

    url: str
    client: aiohttp.ClientSession
    blobs: BlobStore
    trail: FilledTrail
    market: FilledMarket
    leases: Leases
    hidden: Secrets

    async def exchange(self, request: bytes) -> bytes:
        """Raw bytes to the server; what it sends until it closes the connection."""
        address = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(request)
            return await asyncio.wait_for(reader.read(), 30)
        finally:
            writer.close()


def authorise(
    sha256: str, *, secret: SecretKey = NODE, expiration: int = NOW + 60, now: int = NOW
) -> dict[str, str]:
    """The header for uploading one blob."""
    value = blossom.authorization(secret, "upload", sha256, expiration, now)
    return {"Authorization": value}


@asynccontextmanager
async def served(directory: Path, *, bounds: Bounds = QUICK) -> AsyncIterator[Served]:
    """A server for the length of the block. Its calendar stands at `NOW`; its seconds pass."""
    started = time.monotonic()
    trail, market, leases, hidden = FilledTrail(), FilledMarket(), Leases(), Secrets()
    store = DiskBlobStore(directory)
    app = create_app(
        blobs=store,
        trail=trail,
        market=market,
        may_read=hidden.may_read,
        may_upload=leases.may_upload,
        clock=lambda: NOW + time.monotonic() - started,
        bounds=bounds,
    )
    async with serve(app, bounds=bounds) as url, aiohttp.ClientSession(url) as client:
        yield Served(url, client, store, trail, market, leases, hidden)
