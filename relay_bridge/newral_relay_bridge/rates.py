"""Token buckets, one for each key, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KEYS_MAX: Final = 20_000
"""Keys with a bucket of their own: a few megabytes. The one not seen for longest is forgotten."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, and `per_s` in the long run."""

    per_s: float
    burst: int

    def __str__(self) -> str:
        return f"{self.burst} at once and {self.per_s * 60:g} a minute"


class TokenBuckets:
    """How much each key may still do. Over any time of t seconds at most `burst + per_s * t`."""

    def __init__(self, rate: Rate, *, keys_max: int = KEYS_MAX) -> None:
        self.rate = rate
        self._keys_max = keys_max
        self._buckets: dict[str, tuple[float, float]] = {}  # key → tokens, when they were counted

    def take(self, key: str, now: float) -> bool:
        """Use one token of `key`, if it has one. `now` is in seconds; it may jump back."""
        tokens, counted = self._buckets.pop(key, (float(self.rate.burst), now))
        elapsed = max(0.0, now - counted)
        tokens = min(float(self.rate.burst), tokens + elapsed * self.rate.per_s)
        is_granted = tokens >= 1
        if len(self._buckets) >= self._keys_max:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = (tokens - is_granted, max(now, counted))
        return is_granted

    def __len__(self) -> int:
        return len(self._buckets)
