"""`newral coordinator`: take jobs, lend units, judge results, keep the books."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from newral.cli.json_option import Json
from newral.cli.key_options import KeyFile, PasswordFile, load_secret
from newral.cli.network_options import Relays, require_relays
from newral.cli.options import setting
from newral.extras import require

if TYPE_CHECKING:
    import asyncio

    from newral.cli.service import Ready

_ZERO: Final = re.compile(r"0+(\.0*)?")

group = typer.Typer(help="Run a coordinator.", no_args_is_help=True)

Directory = Annotated[
    Path,
    setting("coordinator.directory", "--directory", help="Folder for Postgres, blobs and the key."),
]
Host = Annotated[
    str, setting("coordinator.host", "--host", help="Address of the HTTP server to listen on.")
]
Port = Annotated[
    int,
    setting(
        "coordinator.port", "--port", min=0, max=65535, help="Its port; 0 means any that is free."
    ),
]
Url = Annotated[
    str | None,
    setting(
        "coordinator.url", "--url", help="Its address as others reach it, when that is another."
    ),
]
Postgres = Annotated[
    str | None,
    setting(
        "coordinator.postgres",
        "--postgres",
        metavar="DSN",
        help="A Postgres server instead of the embedded one. Keep its password in ~/.pgpass.",
    ),
]
NoBridge = Annotated[
    bool,
    setting(
        "coordinator.no-bridge",
        "--no-bridge",
        help="Leave the relays to `newral bridge run`; needs --postgres.",
    ),
]
Quorum = Annotated[
    int,
    setting(
        "coordinator.quorum",
        "--quorum",
        min=1,
        max=16,
        help="Nodes that must agree on a result which does not prove itself.",
    ),
]
Price = Annotated[
    str,
    setting(
        "coordinator.price", "--price", metavar="CREDITS", help="For one second of one core's work."
    ),
]
Grant = Annotated[
    str,
    setting(
        "coordinator.grant",
        "--grant",
        metavar="CREDITS",
        help="Given to a requester's key with its first job; 0 for an open market.",
    ),
]


@group.callback()
def _group() -> None:
    # Without a callback typer would turn a group of one command into that command.
    pass


@group.command()
def run(
    directory: Directory = Path("newral-coordinator"),
    host: Host = "127.0.0.1",
    port: Port = 0,
    url: Url = None,
    postgres: Postgres = None,
    no_bridge: NoBridge = False,
    quorum: Quorum = 2,
    price: Price = "1",
    grant: Grant = "10000",
    relays: Relays = None,
    key_file: KeyFile = None,
    key_password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Coordinate until Ctrl-C. Without --key-file the coordinator makes a key of its own.

    Example: newral coordinator run --relay ws://127.0.0.1:7777 --directory ~/coordinator
    """
    require("coordinator")
    from newral.cli.service import run_service
    from newral.keyfiles import load_or_create_key
    from newral.market.coordinator_process import CoordinatorProcess, run_coordinator
    from newral_coordinator.coordinator import ForeignState
    from newral_coordinator.embedded_postgres import PostgresStartError
    from newral_coordinator.policy import Policy
    from newral_spec.postgres import MigrationError
    from newral_spec.transport.relay_url import InvalidRelayUrl

    if no_bridge and postgres is None:
        raise typer.BadParameter("--no-bridge needs --postgres: the bridge must reach it, too")
    if key_file is None:
        secret = load_or_create_key(directory / "coordinator.key")
    else:
        secret = load_secret(key_file, key_password_file)
    process = CoordinatorProcess(
        directory=directory,
        secret=secret,
        relays=require_relays(relays),
        host=host,
        port=port,
        url=url,
        postgres=postgres,
        with_bridge=not no_bridge,
        policy=Policy(
            quorum=quorum,
            price=parse_amount(price, "--price"),
            grant=parse_amount(grant, "--grant"),
        ),
    )

    async def service(ready: Ready, stop: asyncio.Event) -> None:
        await run_coordinator(process, ready, stop)

    expected = (PostgresStartError, MigrationError, ForeignState, InvalidRelayUrl)
    run_service(service, json=json, expected=expected)


def parse_amount(text: str, name: str) -> int:
    """Credits as micro-credits; zero is allowed. Raises `typer.BadParameter`."""
    from newral_spec.messages import InvalidMessage, parse_credits

    try:
        return 0 if _ZERO.fullmatch(text) else parse_credits(text)
    except InvalidMessage as error:
        raise typer.BadParameter(f"{name}: {error}") from error
