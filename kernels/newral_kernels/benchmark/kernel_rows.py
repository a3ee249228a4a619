"""Whole kernels, unit after unit as a node runs them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from newral_kernels import registry
from newral_kernels.benchmark.rows import Effort, Row
from newral_kernels.command import parse_command
from newral_kernels.kernel import Kernel

ROUNDS_MAX: Final = 3
"""Of a kernel: its runs are long enough to be steady."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A job to time, in its short form. Its row is for the whole, or for each of `count` things, or
    of as many as the answer's member `per` says."""

    command: str
    bits: int
    input: str
    count: int = 1
    per: str | None = None
    step: int = 1
    """Only every `step`-th unit is run, and stands for the others by its expected cost."""
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
    "bpsw-class": (
        Run(
            command="bpsw-class 10^15 10^4 10^5",
            bits=50,
            input="each candidate to 10^15 with a prime from 10^4 to 10^5",
            per="candidates",
            quick=True,
        ),
        Run(
            command="bpsw-class 10^15 10^4 2e7",
            bits=50,
            input="each candidate to 10^15 with a prime from 10^4 to 2·10^7",
            per="candidates",
        ),
        Run(
            command="bpsw-class 10^17 10^4 2e7",
            bits=57,
            input="each candidate to 10^17 with a prime from 10^4 to 2·10^7",
            per="candidates",
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
            rounds = range(min(effort.rounds, ROUNDS_MAX))
            seconds = min(_seconds(kernel, run) for _ in rounds)
            yield Row(function=name, bits=run.bits, input=run.input, ours_ns=1e9 * seconds)


def _seconds(kernel: Kernel, run: Run) -> float:
    """Of processor time, for one of what the run counts."""
    params = kernel.validate(parse_command(run.command)[1])
    units = list(kernel.plan(params))
    chosen = units[run.step // 2 :: run.step] or units
    start = time.process_time()
    results = [
        kernel.run(unit, progress=lambda _: None, checkpoint=lambda _: None) for unit in chosen
    ]
    seconds = time.process_time() - start
    if run.per is not None:
        return seconds / int(str(kernel.reduce(params, results)[run.per]))
    share = sum(map(kernel.cost, chosen)) / sum(map(kernel.cost, units))
    return seconds / share / run.count
