"""A set that forgets its oldest members: deduplication in bounded memory."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class RecentSet(Generic[T]):
    """Remembers the last `capacity` different members that were added."""

    __slots__ = ("_capacity", "_members")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._members: dict[T, None] = {}

    def add(self, member: T) -> bool:
        """Remember `member`; whether it was new. A repeated one counts as recent again."""
        was_known = member in self._members
        if was_known:
            del self._members[member]
        elif len(self._members) >= self._capacity:
            del self._members[next(iter(self._members))]
        self._members[member] = None
        return not was_known

    def __contains__(self, member: T) -> bool:
        return member in self._members

    def __len__(self) -> int:
        return len(self._members)
