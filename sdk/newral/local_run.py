"""A kernel run on this machine: its units spread over processes, folded into one answer."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from newral.errors import NewralError
from newral.job_words import parse_words
from newral.local_workers import UnitPool
from newral_kernels import registry
from newral_kernels.errors import KernelError
from newral_kernels.kernel import Estimate, Kernel
from newral_spec.canonical import canonical_json

FOLDED: Final = 64
"""Results folded together: most jobs of one machine have fewer."""


class InvalidCommand(NewralError):
    """The kernel or its parameters are not what the kernel takes."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class UnitDone:
    """One unit and its result."""

    unit: dict[str, Any]
    result: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run came to. `seconds` passed from the first unit's start to the answer: starting
    processes and compiling kernels, which is done once, does not count."""

    answer: dict[str, Any]
    units: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class LocalRun:
    """A kernel with parameters that it accepted."""

    kernel: Kernel
    params: dict[str, Any]
    estimate: Estimate

    @classmethod
    def of_words(cls, words: Sequence[str]) -> Self:
        """From words such as `carmichael 10^9`. Raises `InvalidCommand`."""
        try:
            name, params = parse_words(words)
            kernel = registry.get(name)
            accepted = kernel.validate(params)
            return cls(kernel=kernel, params=accepted, estimate=kernel.estimate(accepted))
        except KernelError as error:
            raise InvalidCommand(str(error)) from error

    def run(
        self, cores: int, *, each: Callable[[UnitDone], None], tick: Callable[[float], None]
    ) -> Outcome:
        """Run all units on at most `cores` processes.

        `each` takes every unit as it is done, in any order; `tick`, several times a second, the
        reference-core seconds of work done so far. Raises `WorkerFailed`.
        """
        cores = max(min(cores, self.estimate.units), 1)
        fold = _Fold(self)
        done_s, units = 0.0, 0

        def progress(running: list[tuple[dict[str, Any], float]]) -> None:
            tick(done_s + sum(self.kernel.cost(unit) * share for unit, share in running))

        with UnitPool(self.kernel.name, self.kernel.version, cores) as pool:
            began = time.monotonic()
            for unit, result in pool.run(self.kernel.plan(self.params), progress):
                done_s, units = done_s + self.kernel.cost(unit), units + 1
                each(UnitDone(unit=unit, result=result))
                fold.add(result)
            answer = fold.answer()
            return Outcome(answer=answer, units=units, seconds=time.monotonic() - began)

    def digest(self, answer: Mapping[str, Any]) -> str:
        """The answer's own digest, or else the SHA-256 of the answer as canonical JSON."""
        digest = answer.get("digest")
        if isinstance(digest, str):
            return digest
        return hashlib.sha256(canonical_json(dict(answer))).hexdigest()


class _Fold:
    """Results folded by `FOLDED` at a time, and what comes of that in the same way: little is kept,
    and nothing is read again often."""

    def __init__(self, run: LocalRun) -> None:
        self._run = run
        self._levels: list[list[dict[str, Any]]] = []
        """At index k answers of FOLDED^k results each, fewer than `FOLDED` of them."""

    def add(self, part: dict[str, Any]) -> None:
        for level in self._levels:
            level.append(part)
            if len(level) < FOLDED:
                return
            part = self._run.kernel.reduce(self._run.params, level)
            level.clear()
        self._levels.append([part])

    def answer(self) -> dict[str, Any]:
        parts = [part for level in self._levels for part in level]
        return self._run.kernel.reduce(self._run.params, parts)
