"""Checking unit results in a file, whoever computed them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from newral.errors import NewralError
from newral_kernels import registry
from newral_kernels.errors import KernelError
from newral_kernels.kernel import Kernel, Verdict

LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""One unit and its result; real ones stay far below."""


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    kernel: str
    version: str
    unit: dict[str, Any]
    result: Any


class InvalidResults(NewralError):
    """The file is not one of unit results."""

    exit_code = 2


def check_results(file: Path, *, spot: bool) -> Iterator[dict[str, Any]]:
    """The verdict on each line of a file that `newral kernel run --results` could have written.

    With `spot` a part of each unit is computed again, chosen at random. `cost_s` is what computing
    the unit is expected to cost, `seconds` the processor time that checking it took. Raises
    `InvalidResults`.
    """
    try:
        stream = file.open("rb")
    except OSError as error:
        raise InvalidResults(f"{file}: {error.strerror}") from error
    with stream:
        number = 0
        while raw := stream.readline(LINE_BYTES_MAX):
            number += 1
            kernel, line = _parse(raw, f"{file}, line {number}")
            if spot:
                kernel.prepare()
            before = time.process_time()
            try:
                verdict = kernel.check(
                    line.unit, line.result, "spot" if spot else "quick", secrets.token_bytes(32)
                )
            except KernelError as error:
                raise InvalidResults(f"{file}, line {number}: the unit: {error}") from error
            yield {
                "unit": number,
                "kernel": kernel.name,
                **_told(verdict),
                "cost_s": round(kernel.cost(line.unit), 6),
                "seconds": round(time.process_time() - before, 6),
            }


def _parse(raw: bytes, where: str) -> tuple[Kernel, _Line]:
    try:
        line = msgspec.json.decode(raw, type=_Line)
        return registry.get(line.kernel, line.version), line
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidResults(
            f"{where}: {error}; each line is a unit's result, as `run --results` writes it"
        ) from error
    except KernelError as error:
        raise InvalidResults(f"{where}: {error}") from error


def _told(verdict: Verdict) -> dict[str, Any]:
    word = "proved" if verdict.proved else "refuted" if verdict.refuted else "plausible"
    return {
        "verdict": word,
        "covered": verdict.covered,
        "why": verdict.why,
        "refuted": verdict.refuted,
    }
