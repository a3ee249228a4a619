"""All commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from newral import __version__
from newral.cli import audit, bridge, coordinator, demo, job, kernel, keys, node, relay, up
from newral.cli.console import print_line

application = typer.Typer(
    name="newral",
    help="A peer-to-peer marketplace for computation over Nostr relays.",
    epilog="Settings come from flags, NEWRAL_* variables and newral.toml, in this order."
    " Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 timed out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
application.command()(demo.demo)
application.command()(up.up)
application.add_typer(keys.group, name="keys")
application.add_typer(relay.group, name="relay")
application.add_typer(coordinator.group, name="coordinator")
application.add_typer(bridge.group, name="bridge")
application.add_typer(node.group, name="node")
application.add_typer(job.group, name="job")
application.add_typer(kernel.group, name="kernel")
application.add_typer(audit.group, name="audit")


@application.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        print_line(f"newral {__version__}")
        raise typer.Exit
