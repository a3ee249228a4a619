"""A node's directory: one node at a time, and what lies where."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Final, Self

REASON_BYTES_MAX: Final = 1000


class NodeDirectoryInUse(Exception):
    """Another node runs in this directory."""


class Home:
    """The directory, locked for as long as the context lasts. Raises `NodeDirectoryInUse`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.queue_path = directory / "queue.sqlite3"
        self.scratch = directory / "scratch"
        self._paused_path = directory / "paused"
        self._lock: int | None = None

    def __enter__(self) -> Self:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.directory / "node.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise NodeDirectoryInUse(f"another node runs in {self.directory}") from error
        self._lock = lock
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(mode=0o700)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def paused_because(self) -> str | None:
        """Why the owner paused the node, in this run or an earlier one."""
        try:
            with self._paused_path.open("rb") as file:
                return file.read(REASON_BYTES_MAX).decode(errors="replace")
        except FileNotFoundError:
            return None

    @paused_because.setter
    def paused_because(self, reason: str | None) -> None:
        if reason is None:
            self._paused_path.unlink(missing_ok=True)
        else:
            self._paused_path.write_text(reason[: REASON_BYTES_MAX // 4])
