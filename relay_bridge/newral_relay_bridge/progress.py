"""How far a consumer has come that finishes records out of order."""

from __future__ import annotations


class Progress:
    """Records are begun in order of their offsets and finished in any."""

    def __init__(self, done: int) -> None:
        """Everything up to `done` was finished before."""
        self._last_begun = done
        self._open: dict[int, None] = {}  # In the order of the offsets.

    def begin(self, offset: int) -> None:
        """Raises `ValueError` unless this is beyond every offset begun before."""
        if offset <= self._last_begun:
            raise ValueError(f"offset {offset} after {self._last_begun}")
        self._last_begun = offset
        self._open[offset] = None

    def finish(self, offset: int) -> None:
        """Raises `KeyError` unless this offset was begun and not finished."""
        del self._open[offset]

    @property
    def done(self) -> int:
        """The largest offset up to which nothing that was begun is unfinished."""
        return next(iter(self._open), self._last_begun + 1) - 1

    def __len__(self) -> int:
        """Records begun and not finished."""
        return len(self._open)
