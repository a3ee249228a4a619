"""Several implementations of one function over the same numbers, measured in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

TURN_S: Final = 0.005


class Way(Protocol):
    """An implementation with the numbers loaded, in whichever form it reads them fastest."""

    def answers(self) -> Sequence[bool]:
        """What it says of each number."""

    def seconds(self) -> float:
        """How long one round over all numbers takes."""


class Loop:
    """A way that this thread calls.

    By the thread's own clock what other processes take does not count; where the work is done
    elsewhere, `time.perf_counter_ns` has to time it.
    """

    def __init__(
        self, call: Callable[[], Iterable[object]], clock: Callable[[], int] = time.thread_time_ns
    ) -> None:
        self._call = call
        self._clock = clock

    def answers(self) -> list[bool]:
        """What it says of each number."""
        return [bool(answer) for answer in self._call()]

    def seconds(self) -> float:
        """The time of one round by this way's clock."""
        start = self._clock()
        self._call()
        return (self._clock() - start) / 1e9


class DisagreementError(Exception):
    """Two implementations contradict each other: no measurement means anything then."""


def require_agreement(ways: Mapping[str, Way], numbers: Sequence[int]) -> None:
    """Raises `DisagreementError`, naming the number and who says what."""
    said = {name: list(way.answers()) for name, way in ways.items()}
    for name, answers in said.items():
        if len(answers) != len(numbers):
            raise DisagreementError(
                f"{name} gave {len(answers)} answers for {len(numbers)} numbers"
            )
    for index, number in enumerate(numbers):
        opinions = {name: answers[index] for name, answers in said.items()}
        if len(set(opinions.values())) > 1:
            story = ", ".join(f"{name}: {answer}" for name, answer in opinions.items())
            raise DisagreementError(f"of {number}: {story}")


def best_seconds(ways: Mapping[str, Way], rounds: int, row_s: float = 0) -> dict[str, float]:
    """The shortest round of each way, of so many rounds, or of as many as fit into `row_s` seconds.

    Ways take turns, so that whatever else runs here hits all of them. A turn is a round, or as many
    as fit into `TURN_S`: the first finds caches that others have filled.
    """
    best = dict.fromkeys(ways, float("inf"))
    started = time.monotonic()
    while rounds > 0 or time.monotonic() - started < row_s:
        for name, way in ways.items():
            turn = time.monotonic()
            best[name] = min(best[name], way.seconds())
            while time.monotonic() - turn < TURN_S:
                best[name] = min(best[name], way.seconds())
        rounds -= 1
    return best
