"""A task's leaves, computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from newral_kernels.commitment import leaf
from newral_kernels.joint_search import primes as prime_data
from newral_kernels.joint_search.primes import Primes
from newral_kernels.joint_search.search import search
from newral_kernels.joint_search.tables import Words, tables
from newral_kernels.joint_search.task import Task

_FOUND_ROWS_MIN: Final = 2**12
_FOUND_ROWS_MAX: Final = 2**20
_TERMS_PER_ROW: Final = {-1: 256, 1: 8}  # more pass seldom; then a stretch is searched again


@dataclass(slots=True)
class Outcome:
    """Of some leaves: the leaves; counts; the n that passed the Fermat test modulo n/p."""

    leaves: list[bytes] = field(default_factory=list)
    primes: int = 0
    inadmissible: int = 0
    candidates: int = 0
    left_out: int = 0
    tested: int = 0
    passed: list[int] = field(default_factory=list)


def prepare() -> None:
    """Compile what is needed here."""
    prime_data.prepare()
    search.prepare()


def examine(task: Task, first: int, end: int) -> Outcome:
    """Compute the leaves first <= i < end of a task."""
    outcome = Outcome()
    for block in range(first // task.parts, (end - 1) // task.parts + 1):
        wanted = max(first - block * task.parts, 0)
        parts = min(end - block * task.parts, task.parts) - wanted
        _examine_parts(task, block, wanted, parts, outcome)
    return outcome


def _examine_parts(task: Task, block: int, wanted: int, parts: int, outcome: Outcome) -> None:
    sums, tested = np.zeros(parts, np.uint64), np.zeros(parts, np.uint64)
    for some in _primes(task, block):
        if wanted == 0 and not task.primes:
            outcome.primes += len(some.primes)
            outcome.inadmissible += int((some.ranks == 0).sum())
        _search(task, some, wanted, sums, tested, outcome)
    outcome.tested += int(tested.sum())
    for total, count in zip(sums.tolist(), tested.tolist(), strict=True):
        outcome.leaves.append(leaf(total.to_bytes(8, "big") + count.to_bytes(8, "big")))


def _primes(task: Task, block: int) -> Iterator[Primes]:
    if task.primes:
        return iter((prime_data.listed(task.conditions, task.primes),))
    return prime_data.stretches(task.conditions, *task.block(block))


def _search(
    task: Task, some: Primes, wanted: int, sums: Words, tested: Words, outcome: Outcome
) -> None:
    """Add what is found among some primes."""
    progressions = some.progressions(task.conditions.sign, task.bound)
    parts = (some.primes >> np.uint64(1)) % np.uint64(task.parts) - np.uint64(wanted)
    mine = parts < len(sums)  # the first piece, with which the prime itself is committed to
    if task.low == 0:
        of_primes = some.primes * ((some.orders << np.uint64(32)) + some.ranks)
        np.add.at(sums, parts[mine], of_primes[mine])
    long = progressions.terms > task.most
    outcome.left_out += int(progressions.terms[long & mine].sum())
    chosen = ~long & (progressions.terms > 0)
    if chosen.any():
        targets = np.int8(task.conditions.sign) * some.symbols
        columns = (some.primes, *progressions, targets)
        _search_terms(task, [column[chosen] for column in columns], wanted, sums, tested, outcome)


def _search_terms(
    task: Task,
    columns: Sequence[Any],
    wanted: int,
    sums: Words,
    tested: Words,
    outcome: Outcome,
) -> None:
    before = sums.copy(), tested.copy()
    rows = max(
        _FOUND_ROWS_MIN,
        min(int(columns[3].sum()) // _TERMS_PER_ROW[task.conditions.sign], _FOUND_ROWS_MAX),
    )
    while True:
        candidates, found = np.zeros(1, np.uint64), np.empty((rows, 2), np.uint64)
        which = map(np.uint64, (task.low, task.high, task.parts, wanted))
        results = sums, tested, candidates, found
        arguments: Iterable[Any] = (*columns, *which, *tables(task.conditions), *results)
        count = search(*arguments)
        if count <= rows:
            break
        rows = count
        sums[:], tested[:] = before
    outcome.candidates += int(candidates[0])
    outcome.passed += [p * s for p, s in found[:count].tolist()]
