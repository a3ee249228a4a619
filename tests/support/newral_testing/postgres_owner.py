"""A process that owns an embedded Postgres, to be killed: `python -m newral_testing.postgres_owner`

Takes the directory, prints the server's dsn and process id as one line of JSON, and stops when its
standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from newral_coordinator.embedded_postgres import EmbeddedPostgres


async def own(directory: Path) -> None:
    """Run until standard input ends."""
    async with EmbeddedPostgres(directory) as postgres:
        print(json.dumps({"dsn": postgres.dsn, "pid": postgres.pid}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(own(Path(sys.argv[1])))
