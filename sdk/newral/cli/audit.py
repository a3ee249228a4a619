"""`newral audit`: trust no coordinator, recompute."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from newral.cli.console import print_json
from newral.cli.json_option import Json
from newral.cli.network_options import (
    Coordinator,
    Relays,
    require_coordinator,
    require_relays,
)
from newral.cli.options import setting

if TYPE_CHECKING:
    from newral_ledger.audit import AuditReport

group = typer.Typer(help="Recompute what a coordinator claims.", no_args_is_help=True)

Blobs = Annotated[
    str | None,
    setting(
        "audit.url",
        "--url",
        help="The coordinator's HTTP server, when not the one that it announces.",
    ),
]


@group.callback()
def _group() -> None:
    pass


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
    report = asyncio.run(_audit(key, urls, url))
    if json:
        import msgspec

        print_json(msgspec.json.decode(report.to_json()))
    else:
        from newral.cli.audit_view import print_audit

        print_audit(report)
    if not report.clean:
        raise typer.Exit(1)


async def _audit(coordinator: str, relays: tuple[str, ...], url: str | None) -> AuditReport:
    from newral_ledger.audit.fetch import fetch_trail

    from newral_ledger.audit import audit

    inputs = await fetch_trail(coordinator, relays, blobs=url)
    return await asyncio.to_thread(audit, inputs)
