"""`newral up`: the whole market on this machine, for real use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from newral.cli.json_option import Json
from newral.cli.options import setting
from newral.extras import require

if TYPE_CHECKING:
    import asyncio

    from newral.cli.service import Ready

CORES_MAX: Final = 63
"""A node reports at most 64 leases: one for each core and one held ready."""

Directory = Annotated[
    Path, setting("up.dir", "--dir", help="Folder of the market; everything it has is there.")
]
Nodes = Annotated[int, setting("up.nodes", "--nodes", min=0, max=64, help="Nodes to run.")]
Cores = Annotated[
    int | None,
    setting("up.cores", "--cores", min=1, max=CORES_MAX, help="Units each node computes at once."),
]


def cores_for_each(nodes: int) -> int:
    """This machine's cores, shared among the nodes; no node can use more than it may lease."""
    return min(max(1, (os.cpu_count() or 1) // max(1, nodes)), CORES_MAX)


def up(
    directory: Directory = Path("newral-market"),
    nodes: Nodes = 2,
    cores: Cores = None,
    json: Json = False,
) -> None:
    """Run relay, coordinator and nodes on this machine until Ctrl-C, and go on where they were.

    Example: newral up --dir ~/market --nodes 2
    """
    require("coordinator")
    from newral.cli.service import run_service

    async def service(ready: Ready, stop: asyncio.Event) -> None:
        from newral.market.embedded import EmbeddedMarket

        each = cores or cores_for_each(nodes)
        async with EmbeddedMarket(directory, nodes=nodes, cores=each) as market:
            details = market.addresses.to_json()
            details["requester_key_file"] = str(market.requester_key_file)
            ready(details if json else _for_people(details))
            await stop.wait()

    run_service(service, json=json)


def _for_people(details: dict[str, object]) -> dict[str, object]:
    pages = details.pop("pages")
    assert isinstance(pages, list)
    command = (
        f"newral job post carmichael 10^9 --wait --relay {details['relay']}"
        f" --key-file {details['requester_key_file']}"
    )
    numbered = {f"node {number}": page for number, page in enumerate(pages, start=1)}
    return {**details, **numbered, "try": command}
