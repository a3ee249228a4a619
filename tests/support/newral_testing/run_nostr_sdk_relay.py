"""nostr-sdk's `LocalRelay` as a process: prints its URL, stops at the end of its input."""

from __future__ import annotations

import asyncio
import sys

from nostr_sdk import LocalRelayBuilder, RateLimit


async def main() -> None:
    limit = RateLimit(max_reqs=1000, notes_per_minute=1_000_000)
    relay = LocalRelayBuilder().rate_limit(limit).build()
    await relay.run()
    print(str(await relay.url()).rstrip("/"), flush=True)
    await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
