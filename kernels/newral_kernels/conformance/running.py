"""What a run gives: one result, in plain JSON, whoever computes it and however often it stops."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

from newral_kernels.conformance.alterations import GARBAGE
from newral_kernels.conformance.job import Job, encoded, require
from newral_kernels.errors import CheckpointError
from newral_kernels.kernel import JSON
from newral_kernels.numbers import JSON_INTEGER_MAX

RESULT_BYTES_MAX: Final = 32 * 2**20
"""What coordinators take, unless their policy says otherwise."""

PROCESS_S_MAX: Final = 600
RESUMED_MAX: Final = 40
"""States of one unit that are resumed from, evenly chosen where there are more."""

# Reads units from standard input; prints their results and the memory that was needed.
_PROGRAM: Final = """
import importlib, json, re, resource, sys
from pathlib import Path
module, name = sys.argv[1:]
kernel = getattr(importlib.import_module(module), name)()
kernel.prepare()
units = json.load(sys.stdin)
results = [kernel.run(u, progress=lambda _: None, checkpoint=lambda _: None) for u in units]
status = Path("/proc/self/status")
if status.exists():  # on Linux, getrusage tells of the parent's memory, too
    peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", status.read_text())[1]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
json.dump([results, peak], sys.stdout)
"""


def everything_is_plain_json(job: Job) -> None:
    """No floats, no integers beyond 2^53 - 1, no other types: the hash of a result means the same
    to any reader. And no result is larger than coordinators take."""
    answer = job.kernel.reduce(job.params, job.results)
    for value in (job.params, *job.units, *job.results, answer):
        for wrong in _not_plain(value):
            require(False, f"{wrong} in {encoded(value)[:200]}")
    largest = max(len(encoded(result)) for result in job.results)
    require(largest <= RESULT_BYTES_MAX, f"a result has {largest} bytes")


def a_unit_has_one_result(job: Job) -> None:
    """However often it is computed."""
    for unit, result in zip(job.units, job.results, strict=True):
        require(encoded(job.compute(unit)) == encoded(result), f"{unit} has two results")


def another_process_has_the_same_results(job: Job) -> None:
    """With other hashes of texts, and in no more memory than `memory_bytes_max`."""
    job_class = type(job.kernel)
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, job_class.__module__, job_class.__qualname__],
        input=json.dumps(job.units),
        capture_output=True,
        text=True,
        check=False,
        timeout=PROCESS_S_MAX,
        env=environment,
    )
    require(done.returncode == 0, f"another process failed: {done.stderr[-1000:]}")
    results, peak = json.loads(done.stdout)
    require(encoded(results) == encoded(job.results), "another process has other results")
    limit = job.kernel.memory_bytes_max
    require(peak <= limit, f"{peak} bytes of memory are needed, {limit} are declared")


def progress_rises_to_one(job: Job) -> None:
    """From 0 or more, never back, to 1."""
    for unit in job.units:
        seen: list[float] = []
        job.compute(unit, progress=seen.append)
        require(seen and seen[-1] == 1, f"progress ends with {seen[-1:]}, not 1")
        require(seen == sorted(seen) and seen[0] >= 0, f"progress goes back: {seen}")


def a_unit_resumed_anywhere_has_the_same_result(job: Job) -> None:
    """From every state that was saved, after it went through JSON; and less remains to be saved."""
    for unit, result in zip(job.units, job.results, strict=True):
        states = _states(job, unit)
        step = max(len(states) // RESUMED_MAX, 1)
        for state in states[::step]:
            later: list[object] = []
            resumed = job.compute(unit, resume=json.loads(state), checkpoint=later.append)
            require(encoded(resumed) == encoded(result), f"resumed from {state[:200]}, it differs")
            require(len(later) < len(states), "a resumed unit does everything again")


def garbage_is_no_checkpoint(job: Job) -> None:
    """It raises `CheckpointError`; a kernel that saves nothing may ignore it."""
    saves = any(_states(job, unit) for unit in job.units)
    for garbage in GARBAGE[1:]:
        try:
            resumed = job.compute(job.units[0], resume=garbage)
        except CheckpointError:
            continue
        require(not saves, f"{garbage!r} is taken for a checkpoint")
        require(encoded(resumed) == encoded(job.results[0]), f"{garbage!r} changes the result")


def _states(job: Job, unit: dict[str, JSON]) -> list[str]:
    states: list[str] = []
    # As text, at once: the kernel may go on to change what it handed out.
    job.compute(unit, checkpoint=lambda state: states.append(json.dumps(state)))
    return states


def _not_plain(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                yield f"a key that is no text, {key!r},"
            yield from _not_plain(member)
    elif isinstance(value, list):
        for element in value:
            yield from _not_plain(element)
    elif isinstance(value, int) and abs(value) > JSON_INTEGER_MAX:
        yield f"the integer {value}, above 2^53 - 1: write it as a decimal string,"
    elif not isinstance(value, str | int | None):
        yield f"{value!r}, a {type(value).__name__},"
