"""Supervised child processes: started, restarted when they die, stopped in order.

A child is `python -m newral …` and speaks JSON lines on stdout, the first of which says that it
is ready. Its stdin is a pipe held open by this process, which is how it notices our death.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from newral.configuration import CONFIG_VARIABLE, SUPERVISED_VARIABLE
from newral.errors import NewralError
from newral.market.log_file import LogFile

LINE_BYTES_MAX: Final = 256 * 1024
"""One line of a child's output."""

BACKOFF_FIRST_S: Final = 0.25
BACKOFF_LAST_S: Final = 10.0
HEALTHY_S: Final = 30.0
"""A child that ran this long starts again at the first backoff."""

READY_S: Final = 60.0
"""A slow disk may take many seconds to initialise a database."""

STOP_S: Final = 15.0
"""A node needs up to 10 s to hand over what it has; then it is killed."""

Arguments = Callable[[Mapping[str, Any] | None], Sequence[str]]
"""The command line, given what the child said when it was last ready: the port to keep."""

_logger: Final = logging.getLogger(__name__)


class ChildFailed(NewralError):
    """A child process ended before it was ready; the message has the end of its log."""


class Child:
    """One supervised process."""

    def __init__(self, name: str, arguments: Arguments, log: Path, *, directory: Path) -> None:
        self.name = name
        self.restarts = 0
        self._arguments = arguments
        self._log = LogFile(log)
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None
        self._ready: asyncio.Future[Mapping[str, Any]] | None = None
        self._last_ready: Mapping[str, Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process id while the process runs."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def start(self, remembered: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Start and wait until the child is ready; returns what it said then.

        `remembered` is what it said in an earlier run. Raises `ChildFailed`.
        """
        self._last_ready = remembered
        await self._spawn()
        message = await self._await_ready()
        self._task = asyncio.create_task(self._supervise(), name=f"supervise {self.name}")
        return message

    async def stop(self) -> None:
        """SIGINT, and SIGKILL when that does not help in time."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._end_process()
        self._log.close()

    async def _spawn(self) -> None:
        self._ready = asyncio.get_running_loop().create_future()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "newral",
            *self._arguments(self._last_ready),
            cwd=self._directory,
            env=child_environment(os.environ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
            # Ctrl-C is for the supervisor, which stops its children in order.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            asyncio.create_task(self._read_messages(self._process.stdout, self._ready)),
            asyncio.create_task(self._read_log(self._process.stderr)),
        ]

    async def _await_ready(self) -> Mapping[str, Any]:
        assert self._ready is not None
        try:
            async with asyncio.timeout(READY_S):
                self._last_ready = await self._ready
        except TimeoutError:
            await self._end_process()
            raise ChildFailed(self._story(f"was not ready after {READY_S:.0f} s")) from None
        except EOFError:
            await self._end_process()
            raise ChildFailed(self._story("ended before it was ready")) from None
        except asyncio.CancelledError:
            await self._end_process()
            raise
        return self._last_ready

    def _story(self, what: str) -> str:
        return f"{self.name} {what}; the end of its log:\n{self._log.tail()}"

    async def _supervise(self) -> None:
        """Restart the process whenever it ends, waiting longer each time it ends soon."""
        loop = asyncio.get_running_loop()
        backoff = BACKOFF_FIRST_S
        started = loop.time()
        while True:
            assert self._process is not None
            code = await self._process.wait()
            await self._finish_readers()
            if loop.time() - started > HEALTHY_S:
                backoff = BACKOFF_FIRST_S
            _logger.warning("%s ended with %s; restarting in %.2f s", self.name, code, backoff)
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, BACKOFF_LAST_S)
            started = loop.time()
            self.restarts += 1
            await self._spawn()
            try:
                await self._await_ready()
            except ChildFailed as error:
                _logger.warning("%s", error)

    async def _read_messages(
        self, stream: asyncio.StreamReader, ready: asyncio.Future[Mapping[str, Any]]
    ) -> None:
        async for line in _lines(stream):
            message = _parse(line)
            if message is not None and message.get("event") == "ready" and not ready.done():
                ready.set_result(message)
        if not ready.done():
            ready.set_exception(EOFError())
            ready.exception()  # mark as retrieved: nobody waits when we are stopping

    async def _read_log(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(LINE_BYTES_MAX):
            self._log.write(chunk)

    async def _end_process(self) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                _logger.warning("%s did not stop in %.0f s: killing it", self.name, STOP_S)
                process.kill()
                await process.wait()
        await self._finish_readers()

    async def _finish_readers(self) -> None:
        # A grandchild that holds the pipes open must not hold us up.
        _, late = await asyncio.wait(self._readers, timeout=1.0) if self._readers else ((), ())
        for task in late:
            task.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        self._readers = []


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        try:
            line = await stream.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return
        except asyncio.LimitOverrunError as error:
            await stream.readexactly(error.consumed)
            continue
        yield line


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def child_environment(parent: Mapping[str, str]) -> dict[str, str]:
    """The environment without settings: a child gets all of its own on its command line."""
    kept = {name: value for name, value in parent.items() if not name.startswith("NEWRAL_")}
    return {**kept, CONFIG_VARIABLE: "", SUPERVISED_VARIABLE: "1"}
