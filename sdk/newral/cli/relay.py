"""`newral relay`: the small relay that comes with Newral."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newral.cli.json_option import Json
from newral.cli.options import setting

if TYPE_CHECKING:
    import asyncio

    from newral.cli.service import Ready

group = typer.Typer(help="The small relay that comes with Newral.", no_args_is_help=True)

Directory = Annotated[
    Path, setting("relay.directory", "--directory", help="Folder of the stored events.")
]
Host = Annotated[str, setting("relay.host", "--host", help="Address to listen on.")]
Port = Annotated[
    int, setting("relay.port", "--port", min=0, max=65535, help="Port; 0 means any that is free.")
]


@group.callback()
def _group() -> None:
    # Without a callback typer would turn a group of one command into that command.
    pass


@group.command()
def serve(
    directory: Directory = Path("newral-relay"),
    host: Host = "127.0.0.1",
    port: Port = 7777,
    json: Json = False,
) -> None:
    """Serve a relay until Ctrl-C. It keeps events in SQLite and starts again with the same.

    Example: newral relay serve --directory ~/relay --port 7777
    """
    from newral.cli.service import run_service
    from newral_relay_bridge.embedded_relay import RelayConfig, StorageError
    from newral_relay_bridge.embedded_relay import serve as serve_relay

    async def service(ready: Ready, stop: asyncio.Event) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        config = RelayConfig(database=directory / "events.sqlite", host=host, port=port)
        await serve_relay(config, lambda url: ready({"url": url}), stop)

    run_service(service, json=json, expected=(StorageError,))
