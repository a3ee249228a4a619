"""`newral kernel`: the mathematics on this machine, without any market."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from newral import __version__
from newral.cli import kernel_bench
from newral.cli.console import note, print_json, print_table
from newral.cli.json_option import Json
from newral.cli.kernel_words import UNKNOWN_OPTIONS, KernelCommand
from newral.cli.options import setting
from newral.errors import NewralError
from newral.extras import require

group = typer.Typer(help="The kernels on this machine, without any market.", no_args_is_help=True)
group.command()(kernel_bench.bench)

Words = Annotated[
    list[str],
    typer.Argument(
        metavar="KERNEL PARAMS...",
        help="As in: carmichael 10^9, or: carmichael --bound 10^9. A kernel's own: KERNEL --help",
    ),
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
            "params": dict(kernel.params_help),
            "package": str(registry.package(kernel) or f"newral {__version__}"),
            "identity": registry.identity(kernel),
        }
        for kernel in registry.kernels()
    ]
    if json:
        print_json(rows)
    else:
        print_table(("name", "version", "summary", "package", "usage"), rows)


@group.command(cls=KernelCommand, context_settings=UNKNOWN_OPTIONS)
def run(
    words: Words,
    cores: Cores = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", help="File for the answer (.json), or its table (.csv, .parquet)."
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT", help="json, csv or parquet, whatever the suffix is."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="File for a picture of the answer: .png or .svg.")
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option("--results", help="File for each unit's result, as JSON Lines, for `check`."),
    ] = None,
    json: Json = False,
) -> None:
    """Run a kernel here, on all cores, and say what it found.

    Example: newral kernel run carmichael --bound 10^9 --output carmichael.csv
    """
    require("node")
    from newral.answer_files import format_of, require_distinct, require_place, write_answer
    from newral.answer_picture import draw, require_picture
    from newral.cli.local_run_view import run_with_progress, show_outcome, summary
    from newral.local_run import LocalRun
    from newral_kernels.view import load

    local = LocalRun.of_words(words)
    view = load(local.kernel)
    # What cannot be written is said before anything is computed.
    chosen = None if output is None else format_of(output, format_, view)
    if plot is not None:
        require_picture(plot, local.kernel, view)
    if results is not None:
        require_place(results)
    require_distinct(output, plot, results)
    outcome = run_with_progress(local, cores or os.cpu_count() or 1, results)
    if output is not None and chosen is not None:
        write_answer(output, chosen, view, outcome.answer)
        note(f"written to {output}")
    picture = None if plot is None else view.plot(local.params, outcome.answer)
    if plot is not None and picture is not None:
        draw(picture, plot)
        note(f"drawn in {plot}")
    if json:
        print_json(summary(local, view, outcome))
    else:
        show_outcome(local, view, outcome)


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
    from newral.cli.local_check_view import show_verdicts
    from newral.local_check import check_results

    verdicts = list(check_results(file, spot=spot))
    refuted = [verdict for verdict in verdicts if verdict["refuted"]]
    if json:
        print_json(verdicts)
    else:
        show_verdicts(verdicts)
    if refuted:
        raise NewralError(f"{len(refuted)} of {len(verdicts)} results are wrong")
