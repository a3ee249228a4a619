"""`newral demo`: everything on this machine, from nothing to an audited answer."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from newral.cli.console import print_json
from newral.cli.json_option import Json
from newral.cli.up import cores_for_each
from newral.extras import require

if TYPE_CHECKING:
    from newral.market.demo import DemoReport

NODES: Final = 2
INTERRUPTED: Final = 130
"""The exit code of Ctrl-C."""


def demo(
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Folder to use and keep, instead of a temporary one."),
    ] = None,
    json: Json = False,
) -> None:
    """Run relay, coordinator and two nodes here, do three real jobs, and audit what happened.

    All Carmichael numbers below 10^10 are listed and proved, and a range above 2^64, and then a
    class of numbers up to 2^68, are searched for a composite that passes the Baillie-PSW test.
    Takes half a minute.

    Example: newral demo --json
    """
    require("coordinator")
    from newral.cli.demo_view import print_report

    with ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="newral-")))
        try:
            report, names = asyncio.run(_run(directory))
        except asyncio.CancelledError as error:  # by SIGTERM
            raise typer.Exit(INTERRUPTED) from error
    if json:
        print_json(report.to_json())
    else:
        print_report(report, names)
    if not report.audit.clean:
        raise typer.Exit(1)


async def _run(directory: Path) -> tuple[DemoReport, dict[str, str]]:
    from newral.cli.demo_view import DemoView
    from newral.client import Client
    from newral.market.demo import run_demo
    from newral.market.embedded import EmbeddedMarket

    task = asyncio.current_task()
    assert task is not None
    # Like Ctrl-C: everything is stopped in order, and the temporary folder removed.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with DemoView() as view:
        view.say(f"starting relay, coordinator and {NODES} nodes in {directory}")
        cores = cores_for_each(NODES)
        async with EmbeddedMarket(directory, nodes=NODES, cores=cores) as market:
            addresses = market.addresses
            view.say(f"relay {addresses.relay}, coordinator {addresses.http}")
            async with (
                Client(
                    relays=[addresses.relay],
                    secret=market.requester,
                    coordinator=addresses.coordinator,
                ) as client,
                view.watching_nodes(addresses.http, market.node_keys),
            ):
                report = await run_demo(client, addresses, view.on_news)
            return report, market.node_keys
