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


PAGE_DATES_MAX: Final = 10_000
"""Dates remembered of one page; no known relay returns more at once."""

STRAY_SHARE: Final = 10
"""One in so many events of a page may be a live one with an old date, mixed into the stored."""


class Page:
    """The dates of what one query returned so far."""

    def __init__(self) -> None:
        self._dates: list[int] = []

    def add(self, event: Event) -> None:
        """Count one event of this page."""
        if len(self._dates) < PAGE_DATES_MAX:
            self._dates.append(event.created_at)

    @property
    def is_full(self) -> bool:
        """Whether the relay may have more."""
        return len(self._dates) >= PAGE_EVENTS_MIN

    def next_until(self, until: int | None) -> int | None:
        """Where the next page begins, below `until`.

        Not simply at the oldest event: that may have come in live, with an old date, before the
        relay had sent what was stored. So the next page repeats the oldest tenth of this one.
        """
        if not self._dates:
            return until
        newest_first = sorted(self._dates, reverse=True)
        most = newest_first[len(newest_first) - 1 - len(newest_first) // STRAY_SHARE]
        oldest = newest_first[-1]
        if until is None or most < until:
            return most
        # `until` includes its second. If the whole page was of that second, then more of it
        # cannot be had by NIP-01, and the second before is asked for.
        return min(oldest, until - 1)


class Backfill:
    """The queries that remain after a first page was full, one filter at a time.

    Each filter is paged alone because the oldest event that *one* filter returned says nothing
    about where the page of *another* was cut.
    """

    def __init__(self, filters: Iterable[Filter], first: Page) -> None:
        self._waiting = [item for item in filters if item.limit is None]
        if len(self._waiting) == 1:
            older = _older(self._waiting[0], first)
            self._waiting = [] if _is_exhausted(older) else [older]
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
        is_last = not self.page.is_full or self._pages >= PAGES_MAX or _is_exhausted(older)
        if is_last:
            self._waiting.pop(0)
            self._pages = 0
        else:
            self._waiting[0] = older
        self.page = Page()


def _older(query: Filter, page: Page) -> Filter:
    return replace(query, until=page.next_until(query.until))


def _is_exhausted(query: Filter) -> bool:
    return query.until is not None and query.until < (query.since or 0)
