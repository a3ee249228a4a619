"""A log file of bounded size."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SIZE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Two files of this size are kept at most: the current one and the one before."""

TAIL_BYTES: Final = 2000


class LogFile:
    """Appends; when the file is full it becomes `<name>.1` and a new one begins."""

    def __init__(self, path: Path, size_max: int = SIZE_BYTES_MAX) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._size_max = size_max
        self._file = path.open("ab")

    def write(self, data: bytes) -> None:
        """Append and flush, so that a reader sees it at once."""
        if self._file.tell() + len(data) > self._size_max:
            self._file.close()
            self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._file = self._path.open("ab")
        self._file.write(data)
        self._file.flush()

    def tail(self) -> str:
        """The last lines, for an error message."""
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - TAIL_BYTES))
            return file.read().decode(errors="replace").strip()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
