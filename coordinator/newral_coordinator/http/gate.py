"""Who may pass, when many want to: bounded concurrency, and one answer for many who ask."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Generic, TypeVar

from newral_coordinator.http.problems import Problem

_T = TypeVar("_T")
_RETRY: dict[str, str] = {"Retry-After": "5"}


class Queue:
    """Lets a bounded number in at once; the others wait for a bounded time."""

    def __init__(self, concurrent_max: int, wait_s: float) -> None:
        self._semaphore = asyncio.Semaphore(concurrent_max)
        self._wait_s = wait_s

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raises `Problem` 503 when the turn does not come in time."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._semaphore.acquire()
        except TimeoutError as error:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "too many queries are waiting", _RETRY
            ) from error
        try:
            yield
        finally:
            self._semaphore.release()


class Slots:
    """Counts what is under way, of everybody and of each key, and refuses what is too much."""

    def __init__(self, total_max: int, per_key_max: int) -> None:
        self._total_max = total_max
        self._per_key_max = per_key_max
        self._taken: Counter[str] = Counter()

    @contextmanager
    def slot(self, key: str) -> Iterator[None]:
        """Raises `Problem` 429 or 503 when no slot is free."""
        if self._taken[key] >= self._per_key_max:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"a key may have {self._per_key_max} uploads under way",
                _RETRY,
            )
        if self._taken.total() >= self._total_max:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many uploads are under way", _RETRY)
        self._taken[key] += 1
        try:
            yield
        finally:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]


class Shared(Generic[_T]):
    """A value that is fetched once for all who ask within a while, and kept no longer."""

    def __init__(
        self, fetch: Callable[[], Awaitable[_T]], age_max_s: float, clock: Callable[[], float]
    ) -> None:
        self._fetch = fetch
        self._age_max_s = age_max_s
        self._clock = clock
        self._lock = asyncio.Lock()
        self._kept: tuple[float, _T] | None = None

    async def get(self) -> _T:
        """The value, fetched at most `age_max_s` ago. Raises what fetching it raises."""
        async with self._lock:
            now = self._clock()
            if self._kept is None or not 0 <= now - self._kept[0] < self._age_max_s:
                self._kept = (now, await self._fetch())
            return self._kept[1]
