"""A local run with a progress bar: how far, how fast, how much longer."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from newral.cli.console import progress_console
from newral.local_run import LocalRun


def run_with_progress(local: LocalRun, cores: int, results: Path | None) -> dict[str, Any]:
    """Run all units, drawing progress on stderr; `results` gets a line for each unit.

    The rate is in reference-core seconds of work for each second that passes.
    """
    answer = local.empty()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[units]}/{task.fields[planned]} units"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with ExitStack() as stack:
        file = None if results is None else stack.enter_context(results.open("w"))
        bar = stack.enter_context(Progress(*columns, console=progress_console()))
        task = bar.add_task(
            local.kernel.name,
            total=local.estimate.cost_s,
            units=0,
            planned=local.estimate.units,
            rate="",
        )
        for number, done in enumerate(local.units(cores), start=1):
            answer = local.fold(answer, done.result)
            if file is not None:
                file.write(json.dumps(_line(local, done.unit, done.result)) + "\n")
            elapsed = bar.tasks[task].elapsed or 0.0
            finished = bar.tasks[task].completed + done.cost_s
            rate = f"{finished / elapsed:.2f} s/s" if elapsed else ""
            bar.update(task, advance=done.cost_s, units=number, rate=rate)
        bar.update(task, completed=local.estimate.cost_s)
    return answer


def _line(local: LocalRun, unit: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {
        "kernel": local.kernel.name,
        "version": local.kernel.version,
        "unit": unit,
        "result": result,
    }
