"""A node as a process: `python run_node.py '{"directory": …, "secret": …, …}'`.

Prints a JSON line when it is ready; SIGINT and SIGTERM stop it gracefully.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from newral_node.agent import NodeConfig, run_node
from newral_spec.keys import SecretKey


async def main(arguments: str) -> None:
    fields = json.loads(arguments)
    fields["directory"] = Path(fields["directory"])
    fields["secret"] = SecretKey.from_hex(fields["secret"])
    fields["relays"] = tuple(fields["relays"])
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run_node(
        NodeConfig(**fields), ready=lambda said: print(json.dumps(said), flush=True), stop=stop
    )


asyncio.run(main(sys.argv[1]))
