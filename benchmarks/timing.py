"""What the benchmarks share: two ways of doing the same, measured in turn in one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

ROUNDS: Final = 5
"""Of each way, in turn: what else the machine does hits both."""


def best_s(*ways: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """The shortest time of each way, in seconds."""
    best = [float("inf")] * len(ways)
    for _ in range(rounds):
        for index, way in enumerate(ways):
            start = time.perf_counter()
            way()
            best[index] = min(best[index], time.perf_counter() - start)
    return best


def report(what: str, count: int, unit: str, ours_s: float, peers: dict[str, float]) -> None:
    """Print our rate, each peer's, and the ratio of ours to it."""
    print(f"{what}: {count / ours_s:,.0f} {unit}/s")
    for name, seconds in peers.items():
        print(f"    {seconds / ours_s:6.2f} times the rate of {name}: {count / seconds:,.0f}")
