"""`newral bridge`: the relay bridge as a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from newral.cli.json_option import Json
from newral.cli.key_options import KeyFile, PasswordFile, require_secret
from newral.cli.network_options import Relays, require_relays
from newral.cli.options import setting
from newral.errors import ConfigurationError
from newral.extras import require

if TYPE_CHECKING:
    import asyncio

    from newral.cli.service import Ready

group = typer.Typer(help="The bridge between relays and event log.", no_args_is_help=True)


@group.callback()
def _group() -> None:
    # Without a callback typer would turn a group of one command into that command.
    pass


@group.command()
def run(
    postgres: Annotated[
        str | None,
        setting(
            "bridge.postgres",
            "--postgres",
            metavar="DSN",
            help="The coordinator's Postgres server. Keep its password in ~/.pgpass.",
        ),
    ] = None,
    relays: Relays = None,
    key_file: KeyFile = None,
    key_password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Carry events between relays and a coordinator's event log until Ctrl-C.

    The key is the coordinator's: it tells which events are for it, and answers relays that ask.

    Example: newral bridge run --postgres 'host=db dbname=newral' --relay wss://relay.example.org
    """
    require("coordinator")
    from newral.cli.service import run_service
    from newral.market.bridge_process import run_bridge

    if postgres is None:
        raise ConfigurationError("name the coordinator's database with --postgres DSN")
    dsn = postgres
    urls = require_relays(relays)
    secret = require_secret(key_file, key_password_file)

    async def service(ready: Ready, stop: asyncio.Event) -> None:
        await run_bridge(dsn, urls, secret, ready, stop)

    run_service(service, json=json)
