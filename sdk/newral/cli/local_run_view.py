"""A local run for people: how far, how fast, how much longer, and what came out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from newral.cli.console import print_line, print_table, progress_console
from newral.cli.values import print_value
from newral.local_run import LocalRun, Outcome, UnitDone
from newral_kernels.view import View

COLUMNS: Final = (
    TextColumn("{task.description}"),
    BarColumn(),
    TaskProgressColumn(),
    TextColumn("{task.fields[units]}/{task.fields[planned]} units"),
    TextColumn("{task.fields[rate]}"),
    TimeElapsedColumn(),
    TextColumn("left:"),
    TimeRemainingColumn(),
)


def run_with_progress(local: LocalRun, cores: int, results: Path | None) -> Outcome:
    """Run all units, drawing progress on stderr; `results` gets a line for each unit.

    The rate is in reference-core seconds of work for each second that passes.
    """
    with ExitStack() as stack:
        file = None if results is None else stack.enter_context(results.open("w"))
        bar = stack.enter_context(Progress(*COLUMNS, console=progress_console()))
        task = bar.add_task(
            f"{local.kernel.name}: preparing",
            total=local.estimate.cost_s,
            units=0,
            planned=local.estimate.units,
            rate="",
        )

        def each(done: UnitDone) -> None:
            if file is not None:
                file.write(json.dumps(_line(local, done)) + "\n")
            bar.update(task, units=bar.tasks[task].fields["units"] + 1)

        def tick(work_s: float) -> None:
            if bar.tasks[task].description != local.kernel.name:
                bar.reset(task, description=local.kernel.name)
            elapsed = bar.tasks[task].elapsed
            rate = f"{work_s / elapsed:.2f} s/s" if elapsed else ""
            # Costs are estimates: what is done cannot go beyond what was planned.
            bar.update(task, completed=min(work_s, local.estimate.cost_s), rate=rate)

        outcome = local.run(cores, each=each, tick=tick)
        bar.update(task, completed=local.estimate.cost_s)
    return outcome


def show_outcome(local: LocalRun, view: View, outcome: Outcome) -> None:
    """The count, counts by magnitude, and the answer with long lists cut short."""
    print_line(
        f"{view.count(outcome.answer):,} found by {local.kernel.name} in {outcome.seconds:.2f} s;"
        f" digest {local.digest(outcome.answer)}"
    )
    counts = view.counts(local.params, outcome.answer)
    if len(counts) > 1:
        rows = [{"below": power_text(bound), "count": f"{count:,}"} for bound, count in counts]
        print_line()
        print_table(("below", "count"), rows)
        print_line()
    print_value(outcome.answer)


def summary(local: LocalRun, view: View, outcome: Outcome) -> dict[str, Any]:
    """The outcome as one object for programs: everything but the lists."""
    return {
        "kernel": local.kernel.name,
        "version": local.kernel.version,
        "params": _short(local.params),
        "count": view.count(outcome.answer),
        "seconds": round(outcome.seconds, 3),
        "digest": local.digest(outcome.answer),
        "units": outcome.units,
        "answer": _short(outcome.answer),
    }


def power_text(number: int) -> str:
    """Powers of ten as such, other numbers with separators.

    >>> power_text(1000), power_text(2**16)
    ('10^3', '65,536')
    """
    exponent = len(str(number)) - 1
    return f"10^{exponent}" if number == 10**exponent else f"{number:,}"


def _short(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: member for name, member in value.items() if not isinstance(member, list)}


def _line(local: LocalRun, done: UnitDone) -> dict[str, Any]:
    return {
        "kernel": local.kernel.name,
        "version": local.kernel.version,
        "unit": done.unit,
        "result": done.result,
    }
