"""The worker processes as the node sees them: started on demand, bounded, ended when idle."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec

from newral_node import events as ev
from newral_node import wire
from newral_node.settings import STOP_S, WORKER_IDLE_S
from newral_spec.canonical import NotCanonical, canonical_json, parse_json

READ_BYTES: Final = 64 * 1024

_log = logging.getLogger(__name__)

_replies = msgspec.json.Decoder(wire.AnyReply)

Emit = Callable[[ev.NodeEvent], Awaitable[None]]


class WorkerPool:
    """Runs units, each in a process that computes nothing else meanwhile.

    What happens to a unit is told to `emit`. After `kill` nothing more is told about it; else
    exactly one of `UnitFinished`, `UnitFailed`, `UnitSuspended` and `WorkerDied` ends it.
    """

    def __init__(self, scratch: Path, emit: Emit, *, idle_s: float = WORKER_IDLE_S) -> None:
        """`scratch` is an empty directory, in which the workers run."""
        self._scratch = scratch
        self._emit = emit
        self._idle_s = idle_s
        self._workers: set[_Worker] = set()

    async def start(self, work: wire.Work, time_limit_s: float) -> None:
        """Compute a unit in a process that is free, or in a new one."""
        worker = next((each for each in self._workers if each.is_free), None)
        if worker is None:
            worker = _Worker(await _spawn(self._scratch), self._emit, self._idle_s)
            self._workers.add(worker)
            worker.task.add_done_callback(lambda _: self._workers.discard(worker))
        await worker.assign(work, time_limit_s)

    def suspend(self, lease: str) -> None:
        """Ask the unit's worker to checkpoint and end, and end it by force if it does not."""
        for worker in self._workers:
            if worker.lease == lease:
                worker.suspend()

    def kill(self, lease: str) -> None:
        """End the unit's worker at once."""
        for worker in self._workers:
            if worker.lease == lease:
                worker.kill()

    async def close(self) -> None:
        """End all workers at once."""
        tasks = {worker.task for worker in self._workers}
        for worker in self._workers:
            worker.kill()
        if tasks:
            # One may wait for whoever listens to us, and who is no longer there.
            _, waiting = await asyncio.wait(tasks, timeout=STOP_S)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def processes(self) -> tuple[int, ...]:
        """The process ids of the workers."""
        return tuple(worker.pid for worker in self._workers)


async def _spawn(scratch: Path) -> asyncio.subprocess.Process:
    # An empty environment and isolated mode: nothing of the owner's settings reaches a kernel.
    # A session of its own: Ctrl-C at the node's terminal is for the node alone.
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "newral_node.worker",
        str(os.getpid()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=scratch,
        env={},
        start_new_session=True,
        limit=wire.REPLY_LINE_BYTES_MAX,
    )


class _Worker:
    """One process and the unit that it computes."""

    def __init__(self, process: asyncio.subprocess.Process, emit: Emit, idle_s: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.lease: str | None = None
        self.pid = process.pid
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._emit = emit
        self._idle_s = idle_s
        self._leaving = False
        self._failure: str | None = None
        """Why the node ended the process, where that is the unit's fault."""
        self._timer: asyncio.TimerHandle | None = None
        self.task = asyncio.create_task(self._listen(), name=f"worker {process.pid}")

    @property
    def is_free(self) -> bool:
        """Whether it can be given a unit."""
        return self.lease is None and not self._leaving and self._process.returncode is None

    async def assign(self, work: wire.Work, time_limit_s: float) -> None:
        """Give it a unit."""
        self.lease = work.lease
        self._after(time_limit_s, lambda: self._end(f"it took longer than {time_limit_s} s"))
        self._stdin.write(msgspec.json.encode(work) + b"\n")
        # A worker that died does not read: the listener sees the end of its output and says so.
        with contextlib.suppress(ConnectionError):
            await self._stdin.drain()

    def suspend(self) -> None:
        """Let it checkpoint and end, within `STOP_S`."""
        self._leaving = True
        self._signal(signal.SIGTERM)
        self._after(STOP_S, self._end)

    def kill(self) -> None:
        """End it, whatever it computes."""
        self.lease = None
        self._end()

    def _end(self, failure: str | None = None) -> None:
        self._leaving = True
        self._failure = failure
        self._signal(signal.SIGKILL)

    def _retire(self) -> None:
        self._leaving = True
        self._stdin.close()
        self._after(STOP_S, self._end)

    def _signal(self, number: signal.Signals) -> None:
        # Without a return code the process was not reaped: its number is not another's.
        if self._process.returncode is None:
            self._process.send_signal(number)

    def _after(self, delay_s: float, callback: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay_s, callback)

    async def _listen(self) -> None:
        try:
            while await self._hear():
                pass
            code = await self._process.wait()
            if self.lease is not None:
                await self._emit(self._obituary(self.lease, code))
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._signal(signal.SIGKILL)
            self._stdin.close()

    async def _hear(self) -> bool:
        """Take one line; false at the end of the output."""
        try:
            line = await self._stdout.readuntil()
        except asyncio.IncompleteReadError:
            return False
        except asyncio.LimitOverrunError:
            self._end(f"its output has more than {wire.REPLY_LINE_BYTES_MAX} bytes")
            # The end of a process is noticed only when its output was read to the end.
            while await self._stdout.read(READ_BYTES):
                pass
            return False
        try:
            reply = _replies.decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            _log.warning("worker %s wrote what is not a reply: %s", self.pid, error)
            return True
        if reply.lease == self.lease:
            await self._heed(reply)
        return True

    async def _heed(self, reply: wire.AnyReply) -> None:
        match reply:
            case wire.Progress(lease, fraction):
                await self._emit(ev.UnitProgress(lease, fraction))
            case wire.Checkpoint(lease, state):
                await self._emit(ev.UnitCheckpointed(lease, bytes(state)))
            case wire.Suspended(lease):
                self.lease = None
                self._retire()
                await self._emit(ev.UnitSuspended(lease))
            case wire.Failed(lease, reason):
                # What the failure left behind, such as memory, goes with the process.
                self.lease = None
                self._retire()
                await self._emit(ev.UnitFailed(lease, reason))
            case wire.Finished():
                event = await asyncio.to_thread(_finished, reply)
                # Killed meanwhile: nobody wants it any more.
                if self.lease == reply.lease:
                    self.lease = None
                    self._after(self._idle_s, self._retire)
                    await self._emit(event)

    def _obituary(self, lease: str, code: int) -> ev.NodeEvent:
        if self._failure is not None:
            return ev.UnitFailed(lease, self._failure)
        if code < 0:
            return ev.WorkerDied(lease, f"signal {signal.Signals(-code).name}")
        return ev.WorkerDied(lease, f"exit code {code}")


def _finished(reply: wire.Finished) -> ev.NodeEvent:
    try:
        result = canonical_json(parse_json(bytes(reply.result)))
    except NotCanonical as error:
        return ev.UnitFailed(reply.lease, f"the kernel's result: {error}")
    return ev.UnitFinished(reply.lease, result, max(reply.cpu_ms, 0), max(reply.wall_ms, 0))
