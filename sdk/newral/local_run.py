"""A kernel run on this machine: its units spread over processes, folded into one answer."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Self

from newral.errors import NewralError
from newral_kernels import registry
from newral_kernels.command import parse_command
from newral_kernels.errors import KernelError
from newral_kernels.kernel import Estimate, Kernel
from newral_spec.canonical import canonical_json

UNITS_AHEAD: Final = 2
"""Units handed out for each process: enough that none waits, few enough to stop at once."""


class InvalidCommand(NewralError):
    """The kernel or its parameters are not what the kernel takes."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class UnitDone:
    """One unit and its result."""

    unit: dict[str, Any]
    result: dict[str, Any]
    cost_s: float


@dataclass(frozen=True, kw_only=True)
class LocalRun:
    """A kernel with parameters that it accepted."""

    kernel: Kernel
    params: dict[str, Any]
    estimate: Estimate

    @classmethod
    def of_command(cls, command: str) -> Self:
        """From the short form, such as `carmichael 10^9`. Raises `InvalidCommand`."""
        try:
            name, params = parse_command(command)
            kernel = registry.get(name)
            accepted = kernel.validate(params)
            return cls(kernel=kernel, params=accepted, estimate=kernel.estimate(accepted))
        except KernelError as error:
            raise InvalidCommand(str(error)) from error

    def units(self, cores: int) -> Iterator[UnitDone]:
        """Run all units on `cores` processes; yields each as it is done, in any order."""
        plan = self.kernel.plan(self.params)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(cores, mp_context=context, initializer=_ignore_interrupt) as pool:
            running: dict[Future[dict[str, Any]], dict[str, Any]] = {}
            try:
                while True:
                    for unit in islice(plan, cores * UNITS_AHEAD - len(running)):
                        future = pool.submit(_run_unit, self.kernel.name, self.kernel.version, unit)
                        running[future] = unit
                    if not running:
                        return
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        unit = running.pop(future)
                        cost_s = self.kernel.cost(unit)
                        yield UnitDone(unit=unit, result=future.result(), cost_s=cost_s)
            finally:
                for future in running:
                    future.cancel()
                for process in multiprocessing.active_children():
                    if running:
                        process.terminate()

    def fold(self, answer: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
        """The answer with one more result."""
        return self.kernel.reduce(self.params, [answer, result])

    def empty(self) -> dict[str, Any]:
        """The answer without any result."""
        return self.kernel.reduce(self.params, [])

    def encode(self, answer: Mapping[str, Any]) -> bytes:
        """The answer as canonical JSON and a line end."""
        return canonical_json(dict(answer)) + b"\n"


def _ignore_interrupt() -> None:
    # Ctrl-C reaches the whole process group; the parent ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_unit(name: str, version: str, unit: dict[str, Any]) -> dict[str, Any]:
    kernel = registry.get(name, version)
    return kernel.run(unit, progress=_ignore, checkpoint=_ignore)


def _ignore(_: Any) -> None:
    """Nobody watches inside a unit: units are short."""
