"""Processes of this machine that compute units, and say how far they are."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from newral.errors import NewralError
from newral_kernels import registry

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

PROGRESS_GAP_S: Final = 0.1
"""Between two reports of one process: they are for people."""

TICK_S: Final = 0.5
"""Between two ticks when nothing happens: an estimate of the time left goes on."""


class WorkerFailed(NewralError):
    """A unit raised an error, or its process died."""


@dataclass(frozen=True, slots=True)
class _Progress:
    fraction: float


@dataclass(frozen=True, slots=True)
class _Done:
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Failed:
    reason: str


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    connection: Connection
    unit: dict[str, Any] | None = None
    fraction: float = 0.0


class UnitPool:
    """A pool for units of one kernel, ready to compute at once when the context is entered.

    The first process compiles the kernel where that was not yet done, and the others load what it
    compiled. Raises `WorkerFailed`.
    """

    def __init__(self, name: str, version: str, cores: int) -> None:
        self._arguments = (name, version)
        self._cores = cores
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        try:
            for starting in (1, self._cores - 1):
                fresh = [self._start() for _ in range(starting)]
                for worker in fresh:
                    self._receive(worker)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def run(
        self,
        units: Iterator[dict[str, Any]],
        tick: Callable[[list[tuple[dict[str, Any], float]]], None],
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Yields each unit with its result as it is done, in any order.

        `tick` is told the units being computed, each with the share that is done, several times a
        second.
        """
        for worker in self._workers:
            self._assign(worker, units)
        while busy := [worker for worker in self._workers if worker.unit is not None]:
            ready = wait([worker.connection for worker in busy], timeout=TICK_S)
            for worker in busy:
                if worker.connection in ready:
                    unit, message = worker.unit, self._receive(worker)
                    if isinstance(message, _Progress):
                        worker.fraction = message.fraction
                    elif isinstance(message, _Done) and unit is not None:
                        self._assign(worker, units)
                        yield unit, message.result
            tick([(worker.unit, worker.fraction) for worker in busy if worker.unit is not None])

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, *self._arguments), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _assign(self, worker: _Worker, units: Iterator[dict[str, Any]]) -> None:
        worker.unit, worker.fraction = next(units, None), 0.0
        if worker.unit is not None:
            # One that died does not read: receiving from it says so.
            with suppress(ConnectionError):
                worker.connection.send(worker.unit)

    def _receive(self, worker: _Worker) -> _Progress | _Done | None:
        try:
            message = worker.connection.recv()
        except (EOFError, ConnectionError) as error:
            worker.process.join()
            raise WorkerFailed(_obituary(worker.process.exitcode)) from error
        if isinstance(message, _Failed):
            raise WorkerFailed(message.reason)
        assert message is None or isinstance(message, _Progress | _Done)
        return message

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.kill()
            worker.connection.close()
        for worker in self._workers:
            worker.process.join()


def _obituary(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        memory = ": was it out of memory?" if name == "SIGKILL" else ""
        return f"a process that computed was ended by {name}{memory}"
    return f"a process that computed ended with exit code {code}"


def _serve(connection: Connection, name: str, version: str) -> None:
    """What a process does: say None when ready, then answer each unit, until the pipe ends."""
    # Ctrl-C reaches the whole process group; the parent ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        kernel = registry.get(name, version)
        kernel.prepare()
        connection.send(None)
        while True:
            unit = connection.recv()
            report = _Reporter(connection)
            result = kernel.run(unit, progress=report, checkpoint=_forget)
            connection.send(_Done(result))
    except (EOFError, ConnectionError):
        return
    except Exception as error:  # Whatever it is, the parent says it.
        connection.send(_Failed(f"{type(error).__name__}: {error}"))


class _Reporter:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._due = time.monotonic() + PROGRESS_GAP_S

    def __call__(self, fraction: float) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + PROGRESS_GAP_S
            self._connection.send(_Progress(fraction))


def _forget(_: Any) -> None:
    """A run that is interrupted begins anew: units are short."""
