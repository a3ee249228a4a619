"""What `newral coordinator run` is made of: database, event log, bridge, coordinator, HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection

from newral import __version__
from newral_coordinator.blobs.disk import DiskBlobStore
from newral_coordinator.coordinator import OUTBOUND, Coordinator, CoordinatorConfig
from newral_coordinator.embedded_postgres import EmbeddedPostgres
from newral_coordinator.http import create_app, serve
from newral_coordinator.policy import Policy
from newral_coordinator.views import MarketView, Reader, TrailView, UploadPermission
from newral_kernels import registry
from newral_relay_bridge.archive import Archive
from newral_relay_bridge.bridge import Bridge, BridgeConfig
from newral_relay_bridge.event_log import Entry
from newral_relay_bridge.postgres_log import PostgresLog
from newral_spec.event import Draft, sign_draft
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.messages import Announcement, KernelOffer, encode_announcement
from newral_spec.nips.nip19 import encode_npub
from newral_spec.postgres import migrate

PACKAGES: Final = ("newral_ledger", "newral_relay_bridge", "newral_coordinator")
"""Those that keep tables, in the order in which their migrations apply."""

NAME: Final = "Newral coordinator"


@dataclass(frozen=True, kw_only=True)
class CoordinatorProcess:
    """One coordinator. `price` and `grant` are in micro-credits."""

    directory: Path
    secret: SecretKey
    relays: tuple[str, ...]
    host: str
    port: int
    """0 takes any free one."""
    url: str | None
    """The HTTP server's address as others reach it, where that is not host and port."""
    postgres: str | None
    """None runs a Postgres of its own in `directory`."""
    with_bridge: bool
    quorum: int
    price: int
    grant: int


async def run_coordinator(
    process: CoordinatorProcess,
    ready: Callable[[Mapping[str, Any]], None],
    stop: asyncio.Event,
) -> None:
    """Coordinate until `stop` is set. `ready` gets `pubkey`, `npub`, `url` and `relays`.

    Raises `PostgresStartError`, `MigrationError`, and `OSError` when the port is taken.
    """
    policy = Policy(quorum=process.quorum, price=process.price, grant=process.grant)
    process.directory.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        dsn = process.postgres
        if dsn is None:
            postgres = await stack.enter_async_context(EmbeddedPostgres(process.directory))
            dsn = postgres.dsn
        async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
            await migrate(connection, *PACKAGES)
        log = PostgresLog(dsn)
        stack.push_async_callback(log.close)
        blobs = DiskBlobStore(process.directory / "blobs")
        base = await _serve_http(stack, process, policy, dsn, blobs)
        url = process.url or base
        config = CoordinatorConfig(secret=process.secret, dsn=dsn, blobs_url=url, policy=policy)
        await _announce(log, process, policy, url)
        async with asyncio.TaskGroup() as tasks:
            coordinator = Coordinator(config, log, blobs, registry)
            tasks.create_task(coordinator.run(stop), name="coordinator")
            if process.with_bridge:
                bridge = Bridge(
                    BridgeConfig(relays=process.relays, secret=process.secret), log, dsn
                )
                tasks.create_task(bridge.run(stop), name="bridge")
            public_key = process.secret.public_key
            ready(
                {
                    "pubkey": public_key,
                    "npub": encode_npub(public_key),
                    "url": url,
                    "relays": list(process.relays),
                }
            )


async def _serve_http(
    stack: AsyncExitStack,
    process: CoordinatorProcess,
    policy: Policy,
    dsn: str,
    blobs: DiskBlobStore,
) -> str:
    """The base URL of the running HTTP server."""
    reader = Reader(dsn)
    stack.push_async_callback(reader.close)
    archive = Archive(dsn)
    stack.push_async_callback(archive.close)
    market = MarketView(
        reader,
        name=NAME,
        public_key=process.secret.public_key,
        relays=process.relays,
        clock=time.time,
    )
    app = create_app(
        blobs=blobs,
        trail=TrailView(reader, archive),
        market=market,
        may_upload=UploadPermission(reader, policy),
        clock=time.time,
    )
    return await stack.enter_async_context(serve(app, host=process.host, port=process.port))


async def _announce(
    log: PostgresLog, process: CoordinatorProcess, policy: Policy, url: str
) -> None:
    """Say who coordinates, where and at what price: at every start, as any of it may be new."""
    offers = tuple(
        KernelOffer(kernel.name, kernel.version, registry.identity(kernel))
        for kernel in registry.kernels()
    )
    announcement = Announcement(
        name=NAME,
        software=f"newral {__version__}",
        kernels=offers,
        relays=process.relays,
        blobs=url,
        price=policy.price,
        quorum=policy.quorum,
        grant=policy.grant,
        short_forms=tuple(offer.name for offer in offers),
    )
    # NIP-65: where others find what we write and reach us.
    relay_list = Draft(kind=Kind.RELAY_LIST, tags=tuple(("r", relay) for relay in process.relays))
    now = int(time.time())
    events = [
        sign_draft(process.secret, draft, now)
        for draft in (encode_announcement(announcement), relay_list)
    ]
    await log.append(
        OUTBOUND,
        [
            Entry(
                key=event.id,
                value=msgspec.json.encode({"event": event, "relays": []}),
                idempotency_key=event.id,
            )
            for event in events
        ],
    )
