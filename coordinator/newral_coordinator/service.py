"""A coordinator with its HTTP server: what one process of it runs, on any event log."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from newral_coordinator.blobs import DiskBlobStore
from newral_coordinator.coordinator import Coordinator, CoordinatorConfig
from newral_coordinator.http.app import create_app
from newral_coordinator.http.server import LOOPBACK, serve
from newral_coordinator.permissions import ReadPermission, UploadPermission
from newral_coordinator.policy import Policy
from newral_coordinator.reader import Reader
from newral_coordinator.views import ArchiveReader, MarketView, TrailView
from newral_kernels import registry
from newral_relay_bridge.event_log import EventLog
from newral_spec.keys import SecretKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """What the process is told.

    `public_url` is the address under which others reach the HTTP server; without one it is the
    address that it is bound to.
    """

    directory: Path
    """For blobs."""
    secret: SecretKey
    dsn: str
    """Of a database that has all migrations."""
    relays: Sequence[str]
    """Announced, so that nodes and requesters find us."""
    name: str = "A Newral coordinator"
    host: str = LOOPBACK
    port: int = 0
    public_url: str | None = None
    policy: Policy = field(default_factory=Policy)


async def run_service(
    config: ServiceConfig,
    event_log: EventLog,
    archive: ArchiveReader,
    *,
    ready: Callable[[str], None],
    stop: asyncio.Event,
    clock: Callable[[], float] = time.time,
) -> None:
    """Run until `stop` is set. `ready` is called with the HTTP server's address.

    Raises `OSError` when the address cannot be bound.
    """
    blobs = DiskBlobStore(config.directory / "blobs")
    reader = Reader(config.dsn)
    app = create_app(
        blobs=blobs,
        trail=TrailView(reader, archive),
        market=MarketView(
            reader,
            name=config.name,
            public_key=config.secret.public_key,
            relays=config.relays,
            clock=clock,
        ),
        may_read=ReadPermission(reader, config.secret),
        may_upload=UploadPermission(
            reader, config.policy, lambda: shutil.disk_usage(config.directory).free
        ),
        clock=clock,
    )
    try:
        async with serve(app, host=config.host, port=config.port) as url:
            coordinator = Coordinator(
                CoordinatorConfig(
                    secret=config.secret,
                    dsn=config.dsn,
                    blobs_url=config.public_url or url,
                    relays=tuple(config.relays),
                    name=config.name,
                    policy=config.policy,
                ),
                event_log,
                blobs,
                registry,
                clock=clock,
            )
            ready(config.public_url or url)
            await coordinator.run(stop)
    finally:
        await reader.close()
