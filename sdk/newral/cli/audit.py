"""`newral audit`: trust no coordinator, recompute."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from newral.cli.console import print_json, print_line
from newral.cli.json_option import Json
from newral.cli.network_options import (
    Coordinator,
    Relays,
    require_coordinator,
    require_relays,
)
from newral.cli.options import setting
from newral.cli.values import inline

group = typer.Typer(help="Recompute what a coordinator claims.", no_args_is_help=True)

Blobs = Annotated[
    str | None,
    setting(
        "audit.url",
        "--url",
        help="The coordinator's HTTP server, when not the one that it announces.",
    ),
]


@group.command()
def run(
    coordinator: Coordinator = None,
    relays: Relays = None,
    url: Blobs = None,
    json: Json = False,
) -> None:
    """Fetch a coordinator's trail, verify every signature, recompute every balance.

    Ends with 0 when nothing differs, and with 1 when something does.

    Example: newral audit run --coordinator npub1… --relay ws://127.0.0.1:7777
    """
    key = require_coordinator(coordinator)
    urls = require_relays(relays)
    from newral.audits import run_audit

    report = asyncio.run(run_audit(key, urls, url=url))
    if json:
        import msgspec

        print_json(msgspec.json.decode(report.to_json()))
    else:
        from newral.cli.audit_view import print_audit

        print_audit(report)
    if not report.clean:
        raise typer.Exit(1)


@group.command()
def proof(
    position: Annotated[int, typer.Argument(min=0, help="The entry's position in the log.")],
    coordinator: Coordinator = None,
    relays: Relays = None,
    url: Blobs = None,
    json: Json = False,
) -> None:
    """Prove that one entry is in the log that the coordinator signed (RFC 9162).

    Example: newral audit proof 17 --coordinator npub1… --relay ws://127.0.0.1:7777 --json
    """
    key = require_coordinator(coordinator)
    urls = require_relays(relays)
    from newral.audits import prove

    proved = asyncio.run(prove(key, urls, position, url=url))
    if json:
        print_json(proved.to_json())
        return
    print_line(inline(proved.to_json()["entry"]))
    print_line(
        f"is entry {position} of {proved.proof.size} that the coordinator signed"
        f" in checkpoint {proved.checkpoint.id}"
    )
