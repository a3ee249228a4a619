"""Reading all stored events of a filter from a relay that returns only so many at a time.

Relays answer a query with at most some hundreds of events, the newest first, and do not say that
there were more. So a full page is followed by a query `until` the oldest event of that page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from newral_spec.event import Event
from newral_spec.session.filters import Filter

PAGE_EVENTS_MIN: Final = 100
"""A page of fewer events is taken as the last: no known relay's cap is lower."""

PAGES_MAX: Final = 10_000
"""Pages of one filter: five million events at the usual cap. Ends a relay that never ends."""


class Page:
    """What one query returned so far."""

    def __init__(self) -> None:
        self.count = 0
        self.oldest: int | None = None

    def add(self, event: Event) -> None:
        """Count one event of this page."""
        self.count += 1
        if self.oldest is None or event.created_at < self.oldest:
            self.oldest = event.created_at

    @property
    def is_full(self) -> bool:
        """Whether the relay may have more."""
        return self.count >= PAGE_EVENTS_MIN


class Backfill:
    """The queries that remain after a first page was full, one filter at a time.

    Each filter is paged alone because the oldest event that *one* filter returned says nothing
    about where the page of *another* was cut.
    """

    def __init__(self, filters: Iterable[Filter], first: Page) -> None:
        self._waiting = [item for item in filters if item.limit is None]
        if len(self._waiting) == 1:
            self._waiting = [_older(self._waiting[0], first)]
        self._pages = 0
        self.page = Page()

    @property
    def query(self) -> Filter | None:
        """What to ask now; `None` when everything was read."""
        return self._waiting[0] if self._waiting else None

    def end_page(self) -> None:
        """The relay has answered `query`: go on to an older page, or to the next filter."""
        current = self._waiting[0]
        self._pages += 1
        older = _older(current, self.page)
        is_last = (
            not self.page.is_full
            or self._pages >= PAGES_MAX
            or (older.until is not None and older.until < (older.since or 0))
        )
        if is_last:
            self._waiting.pop(0)
            self._pages = 0
        else:
            self._waiting[0] = older
        self.page = Page()


def _older(query: Filter, page: Page) -> Filter:
    if page.oldest is None:
        return query
    # `until` includes its second, which the page may have cut in two. If the whole page was of
    # that second, then more of it cannot be had by NIP-01, and the next second is asked for.
    is_stuck = query.until is not None and page.oldest >= query.until
    return replace(query, until=page.oldest - 1 if is_stuck else page.oldest)
