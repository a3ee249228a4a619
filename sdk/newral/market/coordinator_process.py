"""What `newral coordinator run` is made of: database, event log, bridge, coordinator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from psycopg import AsyncConnection

from newral_coordinator.embedded_postgres import EmbeddedPostgres
from newral_coordinator.policy import Policy
from newral_coordinator.service import ServiceConfig, run_service
from newral_relay_bridge.archive import Archive
from newral_relay_bridge.bridge import Bridge, BridgeConfig
from newral_relay_bridge.postgres_log import PostgresLog
from newral_spec.keys import SecretKey
from newral_spec.nips.nip19 import encode_npub
from newral_spec.postgres import migrate

PACKAGES: Final = ("newral_ledger", "newral_relay_bridge", "newral_coordinator")
"""Those that keep tables, in the order in which their migrations apply."""

CONNECT_S: Final = 3.0
POLL_S: Final = 0.02


@dataclass(frozen=True, kw_only=True)
class CoordinatorProcess:
    """One coordinator."""

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
    policy: Policy


async def run_coordinator(
    process: CoordinatorProcess,
    ready: Callable[[Mapping[str, Any]], None],
    stop: asyncio.Event,
) -> None:
    """Coordinate until `stop` is set. `ready` gets `pubkey`, `npub`, `url` and `relays`.

    Raises `PostgresStartError`, `MigrationError`, and `OSError` when the port is taken.
    """
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
        archive = Archive(dsn)
        stack.push_async_callback(archive.close)
        config = ServiceConfig(
            directory=process.directory,
            secret=process.secret,
            dsn=dsn,
            relays=process.relays,
            host=process.host,
            port=process.port,
            public_url=process.url,
            policy=process.policy,
        )
        async with asyncio.TaskGroup() as tasks:
            if process.with_bridge:
                bridge = Bridge(
                    BridgeConfig(relays=process.relays, secret=process.secret), log, dsn
                )
                tasks.create_task(bridge.run(stop), name="bridge")
                await _connected(bridge)
            tasks.create_task(
                run_service(
                    config,
                    log,
                    archive,
                    ready=lambda url: ready(_introduction(process, url)),
                    stop=stop,
                ),
                name="coordinator",
            )


async def _connected(bridge: Bridge) -> None:
    """Wait until a relay is there, but not for long: they may all be down, and come later."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CONNECT_S):
            # The bridge tells by its status only.
            while not any(  # noqa: ASYNC110
                relay["connected"] for relay in bridge.status()["relays"].values()
            ):
                await asyncio.sleep(POLL_S)


def _introduction(process: CoordinatorProcess, url: str) -> dict[str, Any]:
    public_key = process.secret.public_key
    return {
        "pubkey": public_key,
        "npub": encode_npub(public_key),
        "url": url,
        "relays": list(process.relays),
    }
