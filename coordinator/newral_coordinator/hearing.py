"""Whether silence tells anything: only to somebody who would have heard.

Nodes speak up at least every 20 seconds. When none has for longer, it is not they who are gone but
what is between us: a relay, or this process itself.
"""

from __future__ import annotations

from typing import Final

DEAF_S: Final = 30
"""Without a word from any node for this long, nothing follows from a node's silence."""


class Hearing:
    """Since when nodes have been heard without a break. Times are Unix seconds."""

    def __init__(self) -> None:
        self._since = 0
        self._last = 0

    def begin(self, now: int) -> None:
        """The process has just begun to listen."""
        self._since = self._last = now

    def heard(self, now: int) -> None:
        """Some node has spoken."""
        if now - self._last > DEAF_S:
            self._since = now
        self._last = now

    def since(self, now: int) -> int:
        """A node that has been silent since before this moment may have spoken unheard."""
        return now if now - self._last > DEAF_S else self._since
