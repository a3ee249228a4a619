"""The results of units and what they add up to, in JSON and out of it."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from newral_kernels.commitment import (
    decode_leaves,
    encode_leaves,
    leaf,
    merkle_root,
)
from newral_kernels.errors import FieldError, ResultError
from newral_kernels.joint_search.hit import Hit, require_true
from newral_kernels.joint_search.task import PRIME_MIN, PRIME_STOP, Task
from newral_kernels.kernel import JSON, Result
from newral_kernels.numbers import decode_small_integer, encode_small_integer
from newral_kernels.reading import Record, read_array

COUNTS: Final = (
    "primes",
    "inadmissible",
    "candidates",
    "left_out",
    "made_up",
    "tested",
    "fermat",
)
COUNT_MAX: Final = 2**80
HITS_MAX: Final = 10**5

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a unit's result, or what several of them together, say.

    `counts`: in the order of `COUNTS`. `hits`: ascending. `ranges`: of p, ascending.
    """

    ranges: tuple[tuple[int, int], ...]
    counts: tuple[int, ...]
    hits: tuple[Hit, ...]

    @classmethod
    def of_task(cls, task: Task, counts: Sequence[int], hits: Iterable[Hit]) -> Answer:
        """What a unit's work amounts to."""
        ranges = () if task.primes else ((task.start, task.stop),)
        return cls(ranges=ranges, counts=tuple(counts), hits=tuple(sorted(hits)))

    @classmethod
    def read(cls, record: Record) -> Answer:
        """Verifies the shape alone. Raises `ResultError`."""
        hits = tuple(
            Hit.read(value, ResultError) for value in record.array("hits", length_max=HITS_MAX)
        )
        if any(a.n >= b.n for a, b in itertools.pairwise(hits)):
            raise ResultError("hits", "they are not in ascending order", "list each once, in order")
        ranges = record.array("ranges", length_max=2**32)
        counts = tuple(record.small_integer(name, minimum=0, maximum=COUNT_MAX) for name in COUNTS)
        return cls(ranges=tuple(map(_read_range, ranges)), counts=counts, hits=hits)

    @classmethod
    def sum(cls, several: Sequence[Answer]) -> Answer:
        """What all of them say. Raises `ResultError` on ranges that overlap."""
        columns = zip(*(answer.counts for answer in several), strict=True)
        hits = {hit.n: hit for answer in several for hit in answer.hits}
        return cls(
            ranges=_merged(sorted(pair for answer in several for pair in answer.ranges)),
            counts=tuple(map(sum, columns)) if several else (0,) * len(COUNTS),
            hits=tuple(hits[n] for n in sorted(hits)),
        )

    def count(self, name: str) -> int:
        """One of `COUNTS`."""
        return self.counts[COUNTS.index(name)]

    def to_json(self) -> dict[str, JSON]:
        """The inverse of `read`."""
        return {
            "ranges": [list(pair) for pair in self.ranges],
            **{
                name: encode_small_integer(count)
                for name, count in zip(COUNTS, self.counts, strict=True)
            },
            "hits": [hit.to_json() for hit in self.hits],
        }


def unit_result(task: Task, answer: Answer, leaves: Sequence[bytes]) -> Result:
    """The result of a unit. Its digest is the root over the leaves and one more, which holds the
    unit and all else that the result says."""
    said = {"unit": task.to_json(), **answer.to_json()}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return {
        **answer.to_json(),
        "leaves": encode_leaves(leaves),
        "digest": merkle_root([*leaves, leaf(text.encode())]),
    }


def read_result(task: Task, result: object) -> tuple[Answer, list[bytes]]:
    """What the result of a unit says, verified as far as it can be without searching; and its
    leaves. Raises `ResultError`."""
    record = Record(
        result,
        name="result",
        error=ResultError,
        required=("ranges", *COUNTS, "hits", "leaves", "digest"),
    )
    answer = Answer.read(record)
    leaves = read_leaves(record.get("leaves"), task.leaves, ResultError)
    if len(leaves) != task.leaves:
        raise ResultError("leaves", f"{len(leaves)} are given", f"the unit has {task.leaves}")
    if record.text("digest", _DIGEST) != unit_result(task, answer, leaves)["digest"]:
        raise ResultError("digest", "it is not that of what the result says", "recompute it")
    _require_consistent(task, answer)
    for hit in answer.hits:
        require_true(hit, task)
    return answer, leaves


def read_leaves(value: object, count_max: int, error: type[FieldError]) -> list[bytes]:
    """The leaves of a result or of a checkpoint. Raises `error`."""
    return decode_leaves(value, count_max=count_max, field="leaves", error=error)


def reduced(parts: Iterable[Mapping[str, JSON]]) -> tuple[Answer, int]:
    """The sum of results and of what was reduced before, and of their digests modulo 2^256."""
    answers, digest = [], 0
    for part in parts:
        record = Record(
            part,
            name="result",
            error=ResultError,
            required=("ranges", *COUNTS, "hits", "digest"),
            optional=("leaves", "statement"),
        )
        answers.append(Answer.read(record))
        digest += int(record.text("digest", _DIGEST), 16)
    return Answer.sum(answers), digest % 2**256


def _require_consistent(task: Task, answer: Answer) -> None:
    """Raises `ResultError` when what is said cannot be."""
    primes, inadmissible, candidates, left_out, made_up, tested, fermat = answer.counts
    of_list = bool(task.primes)
    if answer.ranges != (() if of_list else ((task.start, task.stop),)):
        raise ResultError("ranges", "they are those of another unit", "say the unit's")
    if primes > (0 if of_list else task.stop // 2 - task.start // 2) or inadmissible > primes:
        raise ResultError("primes", f"{primes} are too many, or less than inadmissible", "count")
    if made_up != (candidates if of_list else 0) or (of_list and left_out):
        raise ResultError("made_up", "it contradicts the other counts", "count the lists' terms")
    if not candidates >= tested >= fermat >= len(answer.hits):
        raise ResultError("tested", "the counts contradict each other", "count again")


def _merged(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ascending ranges, joined where they touch."""
    merged: list[tuple[int, int]] = []
    for start, stop in ranges:
        if merged and start < merged[-1][1]:
            raise ResultError("ranges", f"{start} is covered twice", "add each unit once")
        if merged and start == merged[-1][1]:
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((start, stop))
    return tuple(merged)


def _read_range(value: object) -> tuple[int, int]:
    bounds = read_array(value, name="ranges", error=ResultError, length_max=2)
    if len(bounds) != 2:
        raise ResultError("ranges", "a range lacks a bound", "give [start, stop]")
    start, stop = (
        decode_small_integer(
            bound, minimum=PRIME_MIN, maximum=PRIME_STOP, field="ranges", error=ResultError
        )
        for bound in bounds
    )
    if start >= stop:
        raise ResultError("ranges", f"[{start}, {stop}) is empty", "give start < stop")
    return start, stop
