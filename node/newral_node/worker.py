"""A worker process: computes one unit after the other, at the lowest priority.

Run as `python -I -m newral_node.worker PARENT_PID`. Reads `wire.Work` lines from standard input
and writes `wire.Reply` lines to standard output; ends at the end of its input. SIGTERM asks it to
checkpoint what it computes, and to end.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import BinaryIO, Final, NoReturn

import msgspec

from newral_kernels import registry
from newral_kernels.errors import CheckpointError
from newral_kernels.kernel import JSON, Kernel, Result
from newral_node import confinement, wire

PROGRESS_GAP_S: Final = 0.25
"""Between two reports of progress: they are for people."""

CHECKPOINT_GAP_S: Final = 1.0
"""Between two checkpoints: kernels count steps, and a fast machine takes many."""


class Suspend(BaseException):
    """Unwinds a kernel at its checkpoint. Not an `Exception`, so that no kernel catches it."""


class Worker:
    """The loop, over two binary streams."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests = requests
        self._replies = replies
        self._computing = False
        self._suspend = False

    def serve(self) -> None:
        """Compute until the input ends or the node asks to stop."""
        while line := self._requests.readline(wire.REQUEST_LINE_BYTES_MAX):
            work = msgspec.json.decode(line, type=wire.Work)
            self._computing = True
            self.reply(self._compute(work))
            self._computing = False
            if self._suspend:
                return

    def on_terminate(self, _signal: int, _frame: FrameType | None) -> None:
        """The handler of SIGTERM."""
        if not self._computing:
            sys.exit(0)
        self._suspend = True

    @property
    def suspend_wanted(self) -> bool:
        """Whether the node asked to stop."""
        return self._suspend

    def reply(self, reply: wire.AnyReply) -> None:
        """Write one line."""
        self._replies.write(msgspec.json.encode(reply) + b"\n")
        self._replies.flush()

    def _compute(self, work: wire.Work) -> wire.AnyReply:
        try:
            confinement.lift_memory_limit()
            run = self._prepare(work)
            confinement.limit_memory(work.memory_bytes)
            wall, cpu = time.monotonic(), time.process_time()
            result = msgspec.Raw(msgspec.json.encode(run()))
            return wire.Finished(
                work.lease,
                result,
                cpu_ms=round((time.process_time() - cpu) * 1000),
                wall_ms=round((time.monotonic() - wall) * 1000),
            )
        except Suspend:
            return wire.Suspended(work.lease)
        except MemoryError:
            reason = f"the unit needs more than the {work.memory_bytes} bytes of memory it may use"
            return wire.Failed(work.lease, reason)
        except Exception as error:  # Whatever a kernel raises fails its unit only.
            return wire.Failed(work.lease, f"{type(error).__name__}: {error}")

    def _prepare(self, work: wire.Work) -> Callable[[], Result]:
        kernel = _kernel(work)
        # A compiler's memory is not the unit's.
        kernel.prepare()
        spec = msgspec.json.decode(work.spec)
        resume = msgspec.json.decode(work.checkpoint)
        reporter = _Reporter(self, work.lease)
        run = partial(kernel.run, spec, progress=reporter.progress, checkpoint=reporter.checkpoint)

        def resumed() -> Result:
            try:
                return run(resume=resume)
            except CheckpointError:
                # It was damaged: the unit is computed from its beginning, to the same result.
                return run()

        return resumed


class _Reporter:
    """Passes on what a kernel reports, not more often than anybody wants it."""

    def __init__(self, worker: Worker, lease: str) -> None:
        self._worker = worker
        self._lease = lease
        self._progress_due = 0.0
        self._checkpoint_due = time.monotonic() + CHECKPOINT_GAP_S

    def progress(self, fraction: float) -> None:
        now = time.monotonic()
        if now >= self._progress_due:
            self._progress_due = now + PROGRESS_GAP_S
            self._worker.reply(wire.Progress(self._lease, float(fraction)))

    def checkpoint(self, state: JSON) -> None:
        now = time.monotonic()
        if now >= self._checkpoint_due or self._worker.suspend_wanted:
            self._checkpoint_due = now + CHECKPOINT_GAP_S
            raw = msgspec.json.encode(state)
            if len(raw) <= wire.CHECKPOINT_BYTES_MAX:
                self._worker.reply(wire.Checkpoint(self._lease, msgspec.Raw(raw)))
        if self._worker.suspend_wanted:
            raise Suspend


def _kernel(work: wire.Work) -> Kernel:
    """The kernel of that identity: the files may have changed since the node started."""
    kernel = registry.get(work.kernel, work.version)
    identity = registry.identity(kernel)
    if identity != work.identity:
        raise RuntimeError(
            f"kernel {work.kernel} has identity {identity} on this disk, not {work.identity}"
        )
    return kernel


def main() -> NoReturn:
    """Take the streams away from whatever a kernel may print, and serve."""
    confinement.bind_to_parent(int(sys.argv[1]))
    confinement.give_way()
    confinement.limit_process()
    replies = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    worker = Worker(sys.stdin.buffer, replies)
    signal.signal(signal.SIGTERM, worker.on_terminate)
    worker.serve()
    sys.exit(0)


if __name__ == "__main__":
    main()
