"""One subscription of a client, over as many connections as it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from newral_spec import limits
from newral_spec.event import Event
from newral_spec.session.filters import Filter
from newral_spec.session.paging import Backfill, Page
from newral_spec.session.recent import RecentSet

OVERLAP_S: Final = limits.CLOCK_SKEW_S
"""How far a resumed subscription looks back: an event may arrive that much after its date.

One that a relay takes later than that, or that we leave unread for that long, just before or while
we are away from the relay, is missed there.
"""

SEEN_IDS_MAX: Final = 8192
"""Ids remembered to drop what overlapping queries return again: about a megabyte."""


class ClientSubscription:
    """Knows what was received, and therefore what to ask after a reconnect."""

    def __init__(self, name: str, filters: tuple[Filter, ...]) -> None:
        self.name = name
        self.filters = filters
        self.is_open = False
        self.is_live = False
        """Everything stored was received; what comes now is new."""
        self._complete_until: int | None = None
        self._asked = filters
        self._seen: RecentSet[bytes] = RecentSet(SEEN_IDS_MAX)
        self._page = Page()
        self._backfill: Backfill | None = None

    def open(self) -> tuple[Filter, ...]:
        """The filters to send now: the original ones, or only what can be missing."""
        self.is_open = True
        self._page = Page()
        self._backfill = None
        if self._complete_until is None:
            self._asked = self.filters
        else:
            since = max(0, self._complete_until - OVERLAP_S)
            # A limit bounds history, not what is missed while we are away; with a limit of 0,
            # nothing stored is wanted at any time.
            self._asked = tuple(
                item
                if item.limit == 0
                else replace(item, since=max(item.since or 0, since), limit=None)
                for item in self.filters
            )
        return self._asked

    def interrupt(self, last_heard: int) -> None:
        """The connection, or the subscription on it, ended. `last_heard` is in Unix seconds."""
        if self.is_live:
            self._complete_until = last_heard
        self.is_live = False
        self.is_open = False

    def accepts(self, event: Event) -> bool:
        """Whether the relay may send this event at all."""
        return any(item.matches(event) for item in self.filters)

    def receive(self, event: Event, *, is_older_page: bool) -> bool:
        """Count a matching event, which answers an older page's query or our own; whether new."""
        if is_older_page and self._backfill is not None:
            self._backfill.page.add(event)
        elif not is_older_page and self._backfill is None:
            self._page.add(event)
        return self._seen.add(bytes.fromhex(event.id))

    def end_page(self) -> Filter | None:
        """The relay sent all it wants to of one query. The next query, or `None` at the end."""
        if self._backfill is None:
            self._backfill = Backfill(self._asked if self._page.is_full else (), self._page)
        else:
            self._backfill.end_page()
        query = self._backfill.query
        self.is_live = query is None
        return query
