"""The tests on a GPU, beside the same on one core."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import numpy as np

from newral_kernels import batch as cpu
from newral_kernels.benchmark.inputs import PRIMES, RANDOM_ODD, numbers
from newral_kernels.benchmark.rows import Effort, Row
from newral_kernels.benchmark.ways import Loop, best_seconds, require_agreement
from newral_kernels.cuda import batch as gpu_batch
from newral_kernels.cuda import gpu

PREFIX: Final = "cuda."

FUNCTIONS: Final = tuple(
    PREFIX + name
    for name in (
        "is_strong_probable_prime",
        "is_strong_lucas_probable_prime",
        "is_extra_strong_lucas_probable_prime",
        "is_bpsw_probable_prime",
    )
)

BITS: Final = (64, 80, 96, 126)
DISTINCT: Final = 10_000
NUMBERS: Final = 2_000_000
"""In one call: a GPU is idle with less. They are the distinct ones again and again."""


def available() -> tuple[str, ...]:
    """The functions, on a machine that has a GPU; none elsewhere."""
    return FUNCTIONS if gpu.missing() is None else ()


def gpu_rows(function: str, effort: Effort) -> Iterator[Row]:
    """One row for each size and kind of input. Raises `GpuUnavailableError`."""
    gpu.require()
    for bits in BITS:
        for kind in (RANDOM_ODD, PRIMES):
            yield _row(function, bits, kind, effort)


def _row(function: str, bits: int, kind: str, effort: Effort) -> Row:
    name = function.removeprefix(PREFIX)
    on_cpu, on_gpu = getattr(cpu, name), getattr(gpu_batch, name)
    distinct = numbers(kind, bits, effort.of(DISTINCT))
    few = np.array([[n % 2**64, n >> 64] for n in distinct], dtype=np.uint64)
    many = np.resize(few, (effort.of(NUMBERS), 2))
    cpu_way = Loop(lambda: on_cpu(few))
    require_agreement({"cpu": cpu_way, "gpu": Loop(lambda: on_gpu(few))}, distinct)
    ways = {
        "cpu": cpu_way,
        # From the call to the answers in this machine's memory, copies included.
        "gpu": Loop(lambda: on_gpu(many), time.perf_counter_ns),
    }
    best = best_seconds(ways, effort.rounds, effort.row_s)
    return Row(
        function=function,
        bits=bits,
        input=kind,
        ours_ns=1e9 * best["gpu"] / len(many),
        peers={"newral_kernels.batch on one core": 1e9 * best["cpu"] / len(few)},
    )
