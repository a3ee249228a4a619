"""Running a node: its directory, the node itself, and what the owner talks to, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import msgspec

from newral_kernels import registry
from newral_node import control, page
from newral_node.config import NodeConfig
from newral_node.home import Home
from newral_node.node import Node
from newral_spec.messages import KernelOffer

__all__ = ["NodeConfig", "kernel_offers", "run_node"]


async def run_node(
    config: NodeConfig, *, ready: Callable[[Mapping[str, Any]], None], stop: asyncio.Event
) -> None:
    """Run a node until `stop` is set, then end within about ten seconds.

    `ready` is called once, with `event`, `pubkey`, `page` (a URL or None) and `directory`, when
    the node can be controlled; it need not have reached a relay by then. Raises
    `NodeDirectoryInUse`, `QueueError`, `InvalidRelayUrl`, and `OSError` when the page's port is
    taken or the disk fails.
    """
    async with AsyncExitStack() as stack:
        home = stack.enter_context(Home(config.directory))
        node = Node(config, home, kernel_offers())
        running = asyncio.create_task(node.run(), name="node")
        stack.push_async_callback(_end, running)
        if config.page_port is not None:
            node.page_url = await stack.enter_async_context(
                page.serve(node, config.page_host, config.page_port)
            )
        await stack.enter_async_context(control.serve(config.directory, _handler(node, stop)))
        ready(
            {
                "event": "ready",
                "pubkey": config.secret.public_key,
                "page": node.page_url,
                "directory": str(config.directory),
            }
        )
        await _until(running, stop)
        if not running.done():
            await node.stop()
        await running


def kernel_offers() -> tuple[KernelOffer, ...]:
    """The kernels on this machine, with the hashes of their sources."""
    return tuple(
        KernelOffer(kernel.name, kernel.version, registry.identity(kernel))
        for kernel in registry.kernels()
    )


async def _until(running: asyncio.Task[None], stop: asyncio.Event) -> None:
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()


async def _end(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _handler(node: Node, stop: asyncio.Event) -> control.Handler:
    async def handle(command: control.Command) -> dict[str, Any]:
        match command.command:
            case "pause":
                await node.pause(command.reason)
            case "resume":
                await node.resume()
            case "stop":
                stop.set()
            case "status":
                status: dict[str, Any] = msgspec.to_builtins(await node.status())
                return status
        return {"done": command.command}

    return handle
