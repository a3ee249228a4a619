"""Which open subscriptions a live event is for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from newral_spec.event import Event
from newral_spec.session import Filter

S = TypeVar("S")
"""Who has subscriptions."""


@dataclass(eq=False)
class Subscription(Generic[S]):
    """One open subscription."""

    subscriber: S
    name: str
    filters: tuple[Filter, ...]
    horizon: int | None = None
    """Rows up to this one were answered from storage; `None` while that is being looked up."""
    waiting: list[tuple[int, bytes]] = field(default_factory=list)
    """Live events, row and JSON, until the horizon is known."""

    def matches(self, event: Event) -> bool:
        """Whether any filter matches."""
        return any(item.matches(event) for item in self.filters)

    def is_new(self, row: int) -> bool:
        """Whether a live event was not among the stored; an ephemeral one, of row 0, never was."""
        return row == 0 or self.horizon is None or row > self.horizon


class SubscriptionIndex(Generic[S]):
    """Finds the subscriptions of an event by its kind, which nearly every filter names."""

    def __init__(self) -> None:
        self._by_kind: defaultdict[int, set[Subscription[S]]] = defaultdict(set)
        self._of_any_kind: set[Subscription[S]] = set()

    def add(self, subscription: Subscription[S]) -> None:
        """Match it from now on."""
        kinds = _kinds(subscription.filters)
        if kinds is None:
            self._of_any_kind.add(subscription)
        else:
            for kind in kinds:
                self._by_kind[kind].add(subscription)

    def remove(self, subscription: Subscription[S]) -> None:
        """Match it no more."""
        self._of_any_kind.discard(subscription)
        for kind in _kinds(subscription.filters) or ():
            self._by_kind[kind].discard(subscription)
            if not self._by_kind[kind]:
                del self._by_kind[kind]

    def matching(self, event: Event) -> Iterator[Subscription[S]]:
        """The subscriptions that want this event. Do not change the index meanwhile."""
        for candidates in (self._of_any_kind, self._by_kind.get(event.kind, ())):
            for subscription in candidates:
                if subscription.matches(event):
                    yield subscription


def _kinds(filters: tuple[Filter, ...]) -> set[int] | None:
    """All kinds that the filters name, or `None` when one of them names none."""
    kinds: set[int] = set()
    for item in filters:
        if item.kinds is None:
            return None
        kinds.update(item.kinds)
    return kinds
