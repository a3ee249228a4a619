"""`newral kernel bench`: how fast this machine is, beside the libraries that specialists use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from newral.cli.console import note, print_json, print_table, progress_console
from newral.cli.json_option import Json
from newral.errors import MissingExtra, NewralError
from newral.extras import require

if TYPE_CHECKING:
    from collections.abc import Iterable

    from newral_kernels.benchmark.peers import Found
    from newral_kernels.benchmark.reference import Reference
    from newral_kernels.benchmark.rows import Row

COLUMNS: Final = (
    "function",
    "bits",
    "input",
    "ours",
    "best peer",
    "ratio",
    "docs: ours",
    "docs: ratio",
)

_UNITS: Final = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))


def bench(
    function: Annotated[
        list[str] | None,
        typer.Option(
            "--function", metavar="NAME", help="Measure this function or kernel; may be repeated."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A tenth of the numbers and few rounds: for a look.")
    ] = False,
    json: Json = False,
) -> None:
    """Compare this machine's kernels with its libraries, and with the table in the docs.

    Every function runs in turn with GMP, FLINT, PARI and Math::Prime::Util, as far as they are
    installed, on the same numbers and on one core; all must agree first. Times are processor time
    for each number, the best of several rounds. A GPU is measured, too.

    Example: newral kernel bench --function is_bpsw_probable_prime --quick
    """
    require("node")
    from newral_kernels.benchmark import catalogue, peers
    from newral_kernels.benchmark.reference import Reference
    from newral_kernels.benchmark.rows import FULL, QUICK
    from newral_kernels.benchmark.ways import DisagreementError
    from newral_kernels.cuda.gpu import GpuUnavailableError

    found = peers.find()
    effort = QUICK if quick else FULL
    try:
        rows = catalogue.rows(function or catalogue.names(), found.present.values(), effort)
    except catalogue.UnknownFunctionError as error:
        raise typer.BadParameter(str(error), param_hint="--function") from error
    except GpuUnavailableError as error:
        raise MissingExtra(str(error)) from error
    _note_peers(found)
    try:
        measured = _measured(rows)
    except DisagreementError as error:
        raise NewralError(
            f"two implementations disagree, so nothing is measured: {error}"
        ) from error
    if json:
        print_json([row.to_json() for row in measured])
    else:
        reference = Reference.for_this_processor()
        print_table(COLUMNS, [_cells(row, reference) for row in measured])


def _note_peers(found: Found) -> None:
    for name, peer in found.present.items():
        note(f"beside {name} {peer.version}")
    for name, install in found.absent.items():
        note(f"without {name}, which is not installed: {install}")


def _measured(rows: Iterable[Row]) -> list[Row]:
    measured = []
    with progress_console().status("measuring") as status:
        for row in rows:
            measured.append(row)
            status.update(f"measured {row.function}, {row.bits} bits, {row.input}")
    return measured


def _cells(row: Row, reference: Reference) -> dict[str, Any]:
    cells = {
        "function": row.function,
        "bits": row.bits,
        "input": row.input,
        "ours": duration(row.ours_ns),
        "best peer": "none",
        "ratio": "",
    }
    if row.peers:
        best = min(row.peers, key=row.peers.__getitem__)
        cells["best peer"] = f"{best} {duration(row.peers[best])}"
        cells["ratio"] = f"{row.ratio_to_best:.2f}"
    published = reference.row(row)
    if published is not None:
        cells["docs: ours"] = duration(published.ours_ns)
        cells["docs: ratio"] = f"{published.ratio_to_best:.2f}" if published.peers else ""
    return cells


def duration(ns: float) -> str:
    """Nanoseconds with three digits and a fitting unit.

    >>> duration(53.12), duration(423_400), duration(1.2e10)
    ('53.1 ns', '423 µs', '12 s')
    """
    size, unit = next((unit for unit in _UNITS if ns >= unit[0]), _UNITS[-1])
    return f"{float(f'{ns / size:.3g}'):g} {unit}"
