"""Whole kernels, unit after unit as a node runs them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from newral_kernels import registry
from newral_kernels.benchmark.rows import Effort, Row
from newral_kernels.command import parse_command
from newral_kernels.kernel import JSON, Kernel

ROUNDS_MAX: Final = 3
"""Of a kernel: its runs are long enough to be steady."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A job to time, in its short form. Its row is for each of `count` things."""

    command: str
    bits: int
    input: str
    count: int = 1
    step: int = 1
    """Only every `step`-th unit is run, and stands for as many: units cost about the same."""
    quick: bool = False
    """Whether it is timed when there is little time, too."""


RUNS: Final = {
    "carmichael": (
        Run(command="carmichael 10^9", bits=30, input="all below 10^9", quick=True),
        Run(command="carmichael 10^10", bits=34, input="all below 10^10"),
        Run(command="carmichael 10^12", bits=40, input="all below 10^12"),
        Run(command="carmichael 10^14", bits=47, input="all below 10^14"),
        Run(
            command="carmichael 10^15",
            bits=50,
            input="all below 10^15 (1 unit in 10 run)",
            step=10,
        ),
    ),
    "bpsw": (
        Run(
            command="bpsw 2^64 2^64+10^5",
            bits=65,
            input="each odd number of 10^5",
            count=50_000,
            quick=True,
        ),
        Run(
            command="bpsw 2^64 2^64+10^7",
            bits=65,
            input="each odd number of 10^7",
            count=5_000_000,
        ),
    ),
    "psp2": (
        Run(
            command="psp2 2^64 2^64+10^12",
            bits=65,
            input="all in 10^12 numbers from 2^64 (1 unit in 20 run)",
            step=20,
            quick=True,
        ),
        Run(
            command="psp2 2^64 2^64+10^15",
            bits=65,
            input="all in 10^15 numbers from 2^64 (1 unit in 10 run)",
            step=10,
        ),
    ),
}


def kernel_rows(name: str, effort: Effort) -> Iterator[Row]:
    """One row for each of the kernel's runs: a kernel has no peer that computes the same."""
    kernel = registry.get(name)
    kernel.prepare()
    for run in RUNS[name]:
        if effort.share == 1 or run.quick:
            params = kernel.validate(parse_command(run.command)[1])
            rounds = range(min(effort.rounds, ROUNDS_MAX))
            seconds = min(_seconds(kernel, params, run.step) for _ in rounds)
            yield Row(
                function=name, bits=run.bits, input=run.input, ours_ns=1e9 * seconds / run.count
            )


def _seconds(kernel: Kernel, params: dict[str, JSON], step: int) -> float:
    units = list(kernel.plan(params))
    chosen = units[step // 2 :: step] or units
    start = time.process_time()
    for unit in chosen:
        kernel.run(unit, progress=lambda _: None, checkpoint=lambda _: None)
    return (time.process_time() - start) * len(units) / len(chosen)
