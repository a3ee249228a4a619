"""`newral kernel`: the mathematics on this machine, without any market."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from newral.cli.console import note, print_json, print_line, print_table
from newral.cli.json_option import Json
from newral.cli.options import setting
from newral.errors import NewralError
from newral.extras import require

group = typer.Typer(help="The kernels on this machine, without any market.", no_args_is_help=True)

Words = Annotated[
    list[str], typer.Argument(metavar="KERNEL PARAMS...", help="As in: carmichael 10^9")
]
Cores = Annotated[
    int | None,
    setting("kernel.cores", "--cores", min=1, help="Processes to use; all cores by default."),
]


@group.command("list")
def list_(json: Json = False) -> None:
    """List the kernels that this installation can run.

    Example: newral kernel list
    """
    require("node")
    from newral_kernels import registry

    rows = [
        {
            "name": kernel.name,
            "version": kernel.version,
            "summary": kernel.summary,
            "usage": kernel.usage,
            "identity": registry.identity(kernel),
        }
        for kernel in registry.kernels()
    ]
    if json:
        print_json(rows)
    else:
        print_table(("name", "version", "summary", "usage"), rows)


@group.command()
def run(
    words: Words,
    cores: Cores = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="File for the answer, as JSON.")
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option("--results", help="File for each unit's result, as JSON Lines, for `check`."),
    ] = None,
    json: Json = False,
) -> None:
    """Run a kernel here, on all cores, and print its answer.

    Example: newral kernel run carmichael 10^9 --output carmichael.json
    """
    require("node")
    from newral.cli.local_run_view import run_with_progress
    from newral.cli.values import print_value
    from newral.local_run import LocalRun

    local = LocalRun.of_command(" ".join(words))
    answer = run_with_progress(local, cores or os.cpu_count() or 1, results)
    if output is not None:
        output.write_bytes(local.encode(answer))
        note(f"written to {output}")
    if json:
        print_json(answer)
    elif output is None:
        print_value(answer)


@group.command()
def check(
    file: Annotated[Path, typer.Argument(help="Results, as written by `run --results`.")],
    spot: Annotated[
        bool, typer.Option("--spot", help="Recompute a random sample of each unit, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Check the results of units: what was found is verified, and said how far the rest is.

    Example: newral kernel check results.jsonl --spot
    """
    require("node")
    from newral.local_check import check_results

    verdicts = list(check_results(file, spot=spot))
    refuted = [verdict for verdict in verdicts if verdict["refuted"]]
    if json:
        print_json(verdicts)
    else:
        print_table(("unit", "kernel", "verdict", "covered", "why"), verdicts)
        print_line(f"{len(verdicts)} results, {len(refuted)} refuted")
    if refuted:
        raise NewralError(f"{len(refuted)} of {len(verdicts)} results are wrong")
