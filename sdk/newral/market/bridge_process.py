"""What `newral bridge run` is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from newral_relay_bridge.bridge import Bridge, BridgeConfig
from newral_relay_bridge.postgres_log import PostgresLog
from newral_spec.keys import SecretKey


async def run_bridge(
    dsn: str,
    relays: Sequence[str],
    secret: SecretKey,
    ready: Callable[[Mapping[str, Any]], None],
    stop: asyncio.Event,
) -> None:
    """Carry events until `stop` is set, in a database that the coordinator has set up."""
    log = PostgresLog(dsn)
    try:
        bridge = Bridge(BridgeConfig(relays=tuple(relays), secret=secret), log, dsn)
        ready({"pubkey": secret.public_key, "relays": list(relays)})
        await bridge.run(stop)
    finally:
        await log.close()
