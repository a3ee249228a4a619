"""Kernel `bpsw`: the Baillie-PSW test on every odd number of a range above 2^64."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from newral_kernels.bpsw_blocks import examine, is_hit, is_psp2, odd_numbers
from newral_kernels.bpsw_result import START_MIN, STOP_MAX, Answer, Range, Tally, unit_result
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
from newral_kernels.numbers import parse_integer
from newral_kernels.reading import Record, identical

WIDTH_MAX: Final = 10**15  # some 35 core-years; every count stays below 2^53
SPOT_BLOCKS: Final = 2  # done again by a spot check, of at most 64
# Measured 1.9 to 2.3 µs from 64 to 127 bits: longer residues are dearer, but primes rarer.
COST_PER_ODD_S: Final = 2.2e-6


class Bpsw(Kernel):
    """Look for a composite that passes the Baillie-PSW test: none is known.

    The variant is fixed: strong test to base 2, then strong Lucas test with Selfridge's parameters
    (method A). What passes both undergoes strong tests to the bases 3, 5, 7 and 11; one that fails
    is a *hit*, with its witness.

    Result of a unit: `ranges` `[[start, stop]]`; `tested`, the number of odd numbers in them, each
    of which is counted in one of `filtered` (a prime factor below 4096), `composites` (by the
    strong base-2 test), `psp2` (strong pseudoprimes to base 2 that the Lucas test refutes, listed),
    `hits` and `probable_primes`; `blocks`, for each of at most 64 equal parts `[filtered, probable
    primes, digest]`; and `digest`, SHA-256 over range and blocks.

    A reduced answer is the same without `blocks`; its `ranges` are joined where they touch, and its
    `digest` is the sum of the units' digests modulo 2^256. That sum tells apart two honest
    computations of the same units; it resists no adversary, who has to be held to the digest of
    each unit.
    """

    name: ClassVar[str] = "bpsw"
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = "Search a range above 2^64 for a Baillie-PSW pseudoprime"
    usage: ClassVar[str] = "bpsw 2^64 2^64+10^7"
    positional: ClassVar[tuple[str, ...]] = ("start", "stop")
    params_help: ClassVar[Mapping[str, str]] = {
        "start": "the least number, 2^64 or more",
        "stop": "the end of the range, itself not tested; at most 10^15 above start",
    }
    view: ClassVar[str] = "newral_kernels.bpsw_view:BpswView"
    memory_bytes_max: ClassVar[int] = 128 * 2**20
    sources: ClassVar[tuple[str, ...]] = (
        "newral_kernels.errors",
        "newral_kernels.kernel",
        "newral_kernels.numbers",
        "newral_kernels.reading",
        "newral_kernels.gmp",
        "newral_kernels.primality",
        "newral_kernels.sieve",
        "newral_kernels.bpsw_blocks",
        "newral_kernels.bpsw_result",
        "newral_kernels.bpsw",
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
        whole = _range_of(params)
        units = -(-(whole.stop - whole.start) // _unit_width(whole))
        return Estimate(units, _cost(whole))

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
        parts = whole.blocks()
        tally = Tally() if resume is None else _read_checkpoint(resume, whole)
        for part in parts[len(tally.rows) :]:
            tally.add(examine(part.start, part.stop))
            checkpoint(tally.to_json())
            progress(len(tally.rows) / len(parts))
        return unit_result(whole, tally)

    def _verify(
        self, unit: Mapping[str, JSON], result: object, level: Level, seed: bytes
    ) -> Verdict:
        whole = Range.of_unit(unit)
        tally = _read_result(result, whole)
        for n in tally.psp2:
            if not is_psp2(n):
                return Verdict.refutation(f"{n} is no strong pseudoprime that Lucas refutes")
        for n, witness in tally.hits:
            if not is_hit(n, witness):
                return Verdict.refutation(f"{n} is no hit with witness {witness}")
        if level == "quick":
            return Verdict.plausible("the counts agree and every finding was verified", 0.0)
        return _spot_check(whole, tally, seed)

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:  # noqa: ARG002
        return Answer.sum(map(Answer.read, parts)).to_json()


def _range_of(params: Mapping[str, JSON]) -> Range:
    return Range(int(str(params["start"])), int(str(params["stop"])))


def _cost(whole: Range) -> float:
    return odd_numbers(whole.start, whole.stop) * COST_PER_ODD_S


def _unit_width(whole: Range) -> int:
    """Of every unit of the job but the last."""
    return 2 * round(even_unit_cost(_cost(whole)) / COST_PER_ODD_S)


def _read_checkpoint(state: JSON, whole: Range) -> Tally:
    record = Record(
        state, name="checkpoint", error=CheckpointError, required=("blocks", "psp2", "hits")
    )
    return Tally.read(record, whole, CheckpointError)


def _read_result(result: object, whole: Range) -> Tally:
    """The blocks and findings of a result whose other fields follow from them."""
    fields = ("ranges", "tested", "filtered", "composites", "probable_primes", "digest")
    record = Record(
        result, name="result", error=ResultError, required=(*fields, "blocks", "psp2", "hits")
    )
    tally = Tally.read(record, whole, ResultError)
    blocks = len(whole.blocks())
    if len(tally.rows) != blocks:
        raise ResultError("result.blocks", f"it has {len(tally.rows)}", f"this unit has {blocks}")
    expected = unit_result(whole, tally)
    for name in fields:
        if not identical(record.get(name), expected[name]):
            raise ResultError(
                f"result.{name}", "it contradicts the blocks or the unit", "recompute it"
            )
    return tally


def _spot_check(whole: Range, tally: Tally, seed: bytes) -> Verdict:
    parts = whole.blocks()
    chosen = _chosen_blocks(whole, len(parts), seed)
    for index in chosen:
        part = parts[index]
        if examine(part.start, part.stop) != tally.block(index, part):
            return Verdict.refutation(f"block {index}, done again, came out differently")
    if len(chosen) == len(parts):
        return Verdict.proof("all of it was done again and agrees")
    return Verdict.plausible(
        f"{len(chosen)} of {len(parts)} blocks, done again, agree", len(chosen) / len(parts)
    )


def _chosen_blocks(whole: Range, count: int, seed: bytes) -> list[int]:
    """`SPOT_BLOCKS` of `count` blocks, as the seed decides."""
    label = f"newral bpsw spot {whole.start} {whole.stop} ".encode()

    def rank(index: int) -> bytes:
        return hashlib.sha256(label + seed + index.to_bytes(2, "big")).digest()

    return sorted(range(count), key=rank)[:SPOT_BLOCKS]
