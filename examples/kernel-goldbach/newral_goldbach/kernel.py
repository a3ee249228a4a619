"""Kernel `goldbach`: Goldbach's conjecture for all even numbers of a range."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from newral_goldbach.partitions import NONE, is_least, records
from newral_goldbach.result import (
    PART_WIDTH,
    START_MIN,
    STOP_MAX,
    UNIT_WIDTH_MAX,
    Part,
    Range,
    Tally,
    findings_to_json,
    read_findings,
    read_result,
    unit_result,
)
from newral_kernels.commitment import opened
from newral_kernels.errors import CheckpointError, ParamsError, ResultError
from newral_kernels.kernel import (
    JSON,
    Estimate,
    Kernel,
    Level,
    Result,
    Unit,
    Verdict,
    even_unit_cost,
)
from newral_kernels.numbers import JSON_INTEGER_MAX, parse_integer
from newral_kernels.reading import Record, identical

WIDTH_MAX: Final = 10**10  # of a job: some 700 units
COST_PER_TRY_S: Final = 55e-9  # measured; some ln n primes are tried for each n
COST_PER_SIEVING_S: Final = 47e-9  # of each part, times the square root of n


class Goldbach(Kernel):
    """Write every even number n of a range as p + q, with the least prime p.

    Result: `tested`, how many numbers; `records`, `[{"n", "p"}]`, each n whose p is larger than
    those of all smaller n of the range; `exceptions`, the n without such a p below 10^4: none is
    known; `leaves` and `digest`, which commit to all p.
    """

    name: ClassVar[str] = "goldbach"
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = "Test Goldbach's conjecture on a range of even numbers"
    usage: ClassVar[str] = "goldbach 6 10^7"
    positional: ClassVar[tuple[str, ...]] = ("start", "stop")
    params_help: ClassVar[Mapping[str, str]] = {
        "start": "the least number, 6 or more",
        "stop": "the end of the range, itself not tested; at most 10^10 above start, and 10^12",
    }
    view: ClassVar[str] = "newral_goldbach.view:GoldbachView"
    memory_bytes_max: ClassVar[int] = 256 * 2**20
    sources: ClassVar[tuple[str, ...]] = (
        "newral_kernels.commitment",
        "newral_kernels.primality",
        "newral_kernels.sieve",
        "newral_goldbach.partitions",
        "newral_goldbach.result",
        "newral_goldbach.kernel",
    )

    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        record = Record(params, name="params", error=ParamsError, required=("start", "stop"))
        start = parse_integer(
            record.get("start"), minimum=START_MIN, maximum=STOP_MAX - 1, field="start"
        )
        most = min(start + WIDTH_MAX, STOP_MAX)
        stop = parse_integer(record.get("stop"), minimum=start + 1, maximum=most, field="stop")
        return {"start": str(start), "stop": str(stop)}

    def plan(self, params: Mapping[str, JSON], start: int = 0) -> Iterator[Unit]:
        whole = _range_of(params)
        width = _unit_width(whole)
        for low in range(whole.start + start * width, whole.stop, width):
            yield {"start": str(low), "stop": str(min(low + width, whole.stop))}

    def estimate(self, params: Mapping[str, JSON]) -> Estimate:
        costs = [self.cost(unit) for unit in self.plan(params)]
        return Estimate(len(costs), sum(costs))

    def cost(self, unit: Mapping[str, JSON]) -> float:
        return _cost(Range.of_unit(unit))

    def run(
        self,
        unit: Mapping[str, JSON],
        *,
        progress: Callable[[float], None],
        checkpoint: Callable[[JSON], None],
        resume: JSON | None = None,
    ) -> Result:
        whole = Range.of_unit(unit)
        parts = whole.parts()
        tally = Tally() if resume is None else _read_checkpoint(resume, whole)
        for part in parts[len(tally.leaves) :]:
            tally.add(Part.compute(part))
            checkpoint(tally.to_json())
            progress(len(tally.leaves) / len(parts))
        return unit_result(whole, tally)

    def _verify(
        self, unit: Mapping[str, JSON], result: object, level: Level, seed: bytes
    ) -> Verdict:
        whole = Range.of_unit(unit)
        tally = read_result(result, whole)
        if not identical(result, unit_result(whole, tally)):
            return Verdict.refutation("tested and digest do not follow from the rest")
        for n, p in [*tally.records, *((n, NONE) for n in tally.exceptions)]:
            if n % 2 or not is_least(n, p):
                return Verdict.refutation(f"{p} is not the least prime for {n}")
        if level == "quick":
            return Verdict.plausible("each record was verified", 0.0)
        return _spot_check(unit, whole, tally, seed)

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:
        whole = _range_of(params)
        answers = [_read_answer(part, whole) for part in parts]
        found = Tally(
            list(records(sorted(pair for _, tally in answers for pair in tally.records))),
            sorted({n for _, tally in answers for n in tally.exceptions}),
        )
        return {"tested": sum(tested for tested, _ in answers), **findings_to_json(found)}


def _range_of(params: Mapping[str, JSON]) -> Range:
    return Range(int(str(params["start"])), int(str(params["stop"])))


def _cost(whole: Range) -> float:
    tries = whole.size * math.log(whole.stop)
    sieving = len(whole.parts()) * math.sqrt(whole.stop)
    return tries * COST_PER_TRY_S + sieving * COST_PER_SIEVING_S


def _unit_width(whole: Range) -> int:
    """Of every unit of the job but the last: some parts."""
    part_s = _cost(Range(max(whole.stop - PART_WIDTH, START_MIN), whole.stop))
    total_s = part_s * (whole.stop - whole.start) / PART_WIDTH
    parts = max(round(even_unit_cost(total_s) / part_s), 1)
    return min(parts * PART_WIDTH, UNIT_WIDTH_MAX)


def _read_checkpoint(state: JSON, whole: Range) -> Tally:
    names = ("records", "exceptions", "leaves")
    record = Record(state, name="checkpoint", error=CheckpointError, required=names)
    return Tally.read(record, whole, CheckpointError)


def _read_answer(part: Mapping[str, JSON], whole: Range) -> tuple[int, Tally]:
    """Of a unit's result, or of what `reduce` returned."""
    record = Record(
        part,
        name="result",
        error=ResultError,
        required=("tested", "records", "exceptions"),
        optional=("leaves", "digest"),
    )
    tested = record.small_integer("tested", minimum=0, maximum=JSON_INTEGER_MAX)
    return tested, read_findings(record, whole.start, whole.stop, ResultError)


def _spot_check(unit: Mapping[str, JSON], whole: Range, tally: Tally, seed: bytes) -> Verdict:
    """Compute some parts again, which nobody could know beforehand."""
    parts = whole.parts()
    chosen = opened(unit, len(parts), seed)
    for index in chosen:
        part, again = parts[index], Part.compute(parts[index])
        before = [(n, p) for n, p in tally.records if n < part.start]
        claimed = [(n, p) for n, p in tally.records if part.start <= n < part.stop]
        expected = list(records([*before, *again.records]))[len(before) :]
        exceptions = tuple(n for n in tally.exceptions if part.start <= n < part.stop)
        if (again.leaf, expected, again.exceptions) != (tally.leaves[index], claimed, exceptions):
            return Verdict.refutation(f"part {index}, done again, came out differently")
    if len(chosen) == len(parts):
        return Verdict.proof("all of it was done again and agrees")
    why = f"{len(chosen)} of {len(parts)} parts, done again, agree"
    return Verdict.plausible(why, len(chosen) / len(parts))
