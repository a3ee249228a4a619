"""`newral node`: computing for others, and being paid for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newral.cli.console import note, print_json, print_line
from newral.cli.json_option import Json
from newral.cli.key_options import KeyFile, PasswordFile, load_secret
from newral.cli.network_options import (
    Coordinator,
    Relays,
    require_coordinator,
    require_relays,
)
from newral.cli.options import setting
from newral.cli.up import CORES_MAX, cores_for_each
from newral.errors import ConfigurationError, NewralError
from newral.extras import require

if TYPE_CHECKING:
    import asyncio

    from newral.cli.service import Ready
    from newral_node.control import Verb

group = typer.Typer(help="Compute for others with this machine.", no_args_is_help=True)

MEBIBYTE = 1024 * 1024

Directory = Annotated[
    Path, setting("node.directory", "--directory", help="Folder of the node's work and results.")
]
Cores = Annotated[
    int | None,
    setting("node.cores", "--cores", min=1, max=CORES_MAX, help="Units at once; all cores."),
]
Memory = Annotated[
    int, setting("node.memory", "--memory", min=64, metavar="MIB", help="Memory for each unit.")
]
Buffer = Annotated[
    int, setting("node.buffer", "--buffer", min=0, max=63, help="Further units to hold ready.")
]
PagePort = Annotated[
    int | None,
    setting(
        "node.page-port",
        "--page-port",
        min=0,
        max=65535,
        help="Port of the node's page, for this machine only; 0 means any that is free.",
    ),
]


@group.command()
def run(
    directory: Directory = Path("newral-node"),
    cores: Cores = None,
    memory: Memory = 1024,
    buffer: Buffer = 1,
    page_port: PagePort = 0,
    relays: Relays = None,
    coordinator: Coordinator = None,
    key_file: KeyFile = None,
    key_password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Compute for a coordinator until Ctrl-C. Without --key-file the node makes a key of its own.

    Example: newral node run --relay ws://127.0.0.1:7777 --coordinator npub1… --cores 2
    """
    require("node")
    from newral.cli.service import run_service
    from newral.keyfiles import load_or_create_key
    from newral_node.agent import NodeConfig, run_node
    from newral_node.home import NodeDirectoryInUse
    from newral_node.queue import QueueError
    from newral_spec.transport.relay_url import InvalidRelayUrl

    if key_file is None:
        secret = load_or_create_key(directory / "node.key")
    else:
        secret = load_secret(key_file, key_password_file)
    try:
        config = NodeConfig(
            directory=directory,
            secret=secret,
            coordinator=require_coordinator(coordinator),
            relays=require_relays(relays),
            cores=cores or cores_for_each(1),
            memory_bytes=memory * MEBIBYTE,
            buffer=buffer,
            page_port=page_port,
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from error

    async def service(ready: Ready, stop: asyncio.Event) -> None:
        await run_node(config, ready=ready, stop=stop)

    run_service(service, json=json, expected=(NodeDirectoryInUse, QueueError, InvalidRelayUrl))


@group.command()
def status(directory: Directory = Path("newral-node"), json: Json = False) -> None:
    """Show what the node in this folder does, and what it has earned.

    Example: newral node status --directory ~/node
    """
    from newral.cli.node_view import show_status

    answer = _ask(directory, "status")
    if json:
        print_json(answer)
    else:
        show_status(answer)


@group.command()
def pause(directory: Directory = Path("newral-node"), json: Json = False) -> None:
    """Stop computing, but keep everything, until `resume`.

    Example: newral node pause --directory ~/node
    """
    _print(_ask(directory, "pause"), json=json)


@group.command()
def resume(directory: Directory = Path("newral-node"), json: Json = False) -> None:
    """Go on computing after `pause`.

    Example: newral node resume --directory ~/node
    """
    _print(_ask(directory, "resume"), json=json)


@group.command()
def page(directory: Directory = Path("newral-node"), json: Json = False) -> None:
    """Print the address of the page on which the node in this folder shows what it does.

    Example: newral node page --directory ~/node
    """
    address = _ask(directory, "status").get("page")
    if address is None:
        note("the node runs without a page")
        raise typer.Exit(1)
    if json:
        print_json({"page": address})
    else:
        print_line(str(address))


def _ask(directory: Path, command: Verb) -> dict[str, Any]:
    from newral_node.control import ControlError, request

    try:
        return request(directory, command)
    except ControlError as error:
        raise NewralError(str(error)) from error


def _print(answer: dict[str, Any], *, json: bool) -> None:
    from newral.cli.values import print_value

    if json:
        print_json(answer)
    else:
        print_value(answer)
