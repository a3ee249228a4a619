"""The embedded relay as a process: `python run_embedded_relay.py DATABASE PORT [--require-auth]`.

Prints its URL once it can be connected to, and stops at the end of its standard input.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from newral_relay_bridge.embedded_relay import RelayConfig, serve


async def main(database: str, port: str, *flags: str) -> None:
    config = RelayConfig(
        database=Path(database), port=int(port), require_auth="--require-auth" in flags
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), lambda: stop.set() if not sys.stdin.read(1) else None)
    await serve(config, lambda url: print(url, flush=True), stop)


asyncio.run(main(*sys.argv[1:]))
