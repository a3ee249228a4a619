"""Relay, coordinator, bridge and node as processes of their own, on a Postgres server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

import newral
from newral.keyfiles import load_or_create_key
from newral.market.children import Child

Start = Callable[..., Awaitable[Mapping[str, Any]]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def start_child(name: str, *arguments: str) -> Mapping[str, Any]:
            child = Child(
                name, lambda last: (*arguments, "--json"), tmp_path / name, directory=tmp_path
            )
            said = await child.start()
            stack.push_async_callback(child.stop)
            return said

        yield start_child


async def test_a_bridge_of_its_own_serves_a_coordinator(
    start: Start, tmp_path: Path, postgres_dsn: str
) -> None:
    key_file = tmp_path / "coordinator.key"
    coordinator = load_or_create_key(key_file).public_key
    relay = (await start("relay.log", "relay", "serve", "--port=0"))["url"]
    common = (f"--postgres={postgres_dsn}", f"--relay={relay}", f"--key-file={key_file}")
    await start("coordinator.log", "coordinator", "run", "--no-bridge", *common)
    await start("bridge.log", "bridge", "run", *common)
    await start(
        "node.log", "node", "run", f"--relay={relay}", f"--coordinator={coordinator}", "--cores=2"
    )
    async with newral.Client(relays=[relay], coordinator=coordinator) as client:
        # One node cannot make a quorum of two, but what is proved needs none.
        items = [{"n": "561", "factors": [3, 11, 17]}]
        job = await client.post("korselt", {"items": items})
        output = await client.result(job.id, 60)
        assert output.value["checked"] == 1
        announcement = await client.announcement()
        assert announcement.relays == (relay,)
