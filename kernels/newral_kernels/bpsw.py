"""Kernel `bpsw`: the Baillie-PSW test on every odd number of a range above 2^64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from newral_kernels.bpsw_criterion import are_prime_factors, is_hit, is_psp2
from newral_kernels.bpsw_result import (
    START_MIN,
    STOP_MAX,
    TALLY_FIELDS,
    Answer,
    Range,
    Tally,
    odd_numbers,
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
from newral_kernels.numbers import parse_integer
from newral_kernels.reading import Record, identical

WIDTH_MAX: Final = 10**15  # some core-years; every count stays below 2^53
CHUNK_WIDTH: Final = 2**22  # between two checkpoints, a tenth of a second or more
# Measured with AVX-512 IFMA: two limbs hold n < 2^97, and then longer exponents and rarer primes
# cancel out. Without it, some 5 times as much.
COST_PER_ODD_S: Final = 3.8e-8
COST_PER_WIDE_ODD_S: Final = 5.9e-8
WIDE_FROM: Final = 2**97


class Bpsw(Kernel):
    """Look for a composite that passes the Baillie-PSW test: none is known.

    The variant is fixed: strong test to base 2, then strong Lucas test with Selfridge's parameters
    (method A). What passes both undergoes strong tests to the bases 3 and 5; one that fails is a
    *hit*, with its witness and its prime factors.

    Result of a unit: `ranges` `[[start, stop]]`; `tested`, the number of odd numbers in them, each
    of which is counted in one of `filtered` (a prime factor below 4096), `composites` (by the
    strong base-2 test), `psp2` (strong pseudoprimes to base 2 that the Lucas test refutes, listed),
    `hits` and `probable_primes`; `leaves`, over the residues of all tests in each of at most 4096
    equal parts; and `digest`, over range, counts and the leaves' Merkle root.

    A reduced answer is the same without `leaves`; its `ranges` are joined where they touch, and its
    `digest` is the sum of the units' digests modulo 2^256. That sum tells apart two honest
    computations of the same units; it resists no adversary, who has to be held to the digest of
    each unit.
    """

    name: ClassVar[str] = "bpsw"
    version: ClassVar[str] = "2"
    summary: ClassVar[str] = "Search a range above 2^64 for a Baillie-PSW pseudoprime"
    usage: ClassVar[str] = "bpsw 2^64 2^64+10^7"
    positional: ClassVar[tuple[str, ...]] = ("start", "stop")
    params_help: ClassVar[Mapping[str, str]] = {
        "start": "the least number, 2^64 or more",
        "stop": "the end of the range, itself not tested; at most 2^127 and 10^15 above start",
    }
    view: ClassVar[str] = "newral_kernels.bpsw_view:BpswView"
    memory_bytes_max: ClassVar[int] = 512 * 2**20
    sources: ClassVar[tuple[str, ...]] = (
        "newral_kernels.errors",
        "newral_kernels.kernel",
        "newral_kernels.numbers",
        "newral_kernels.reading",
        "newral_kernels.gmp",
        "newral_kernels.primality",
        "newral_kernels.sieve",
        "newral_kernels.commitment",
        "newral_kernels.certificates.small",
        "newral_kernels.factoring.small_factors",
        "newral_kernels.factoring.multiples",
        "newral_kernels.factoring.p_minus_1",
        "newral_kernels.factoring.rho",
        "newral_kernels.factoring.curves",
        "newral_kernels.factoring.compiled_ecm",
        "newral_kernels.factoring.ecm",
        "newral_kernels.factoring.complete",
        "newral_kernels.jit",
        "newral_kernels.words",
        "newral_kernels.double_words",
        "newral_kernels.odd_sieve",
        "newral_kernels.lanes.lucas_parameters",
        "newral_kernels.lanes.strong_double",
        "newral_kernels.lanes.lucas",
        "newral_kernels.lanes.lucas_double",
        "newral_kernels.lanes.limbs",
        "newral_kernels.lanes.ifma",
        "newral_kernels.lanes.ifma_steps",
        "newral_kernels.lanes.strong_ifma",
        "newral_kernels.lanes.lucas_ifma",
        "newral_kernels.lanes.dispatch",
        "newral_kernels.bpsw_criterion",
        "newral_kernels.bpsw_result",
        "newral_kernels.bpsw_search",
        "newral_kernels.bpsw",
    )

    def prepare(self) -> None:
        from newral_kernels.bpsw_search import prepare

        prepare()

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
        from newral_kernels.bpsw_search import examine

        whole = Range.of_unit(unit)
        parts = whole.parts()
        tally = Tally() if resume is None else _read_checkpoint(resume, whole)
        step = max(CHUNK_WIDTH * len(parts) // (whole.stop - whole.start), 1)
        while len(tally.leaves) < len(parts):
            tally.add(examine(parts[len(tally.leaves) :][:step]))
            checkpoint(tally.to_json())
            progress(len(tally.leaves) / len(parts))
        return unit_result(whole, tally)

    def _verify(
        self, unit: Mapping[str, JSON], result: object, level: Level, seed: bytes
    ) -> Verdict:
        whole = Range.of_unit(unit)
        tally = _read_result(result, whole)
        for n in tally.psp2:
            if not is_psp2(n):
                return Verdict.refutation(f"{n} is no strong pseudoprime that Lucas refutes")
        for hit in tally.hits:
            if not is_hit(hit.n, hit.witness):
                return Verdict.refutation(f"{hit.n} is no hit with witness {hit.witness}")
            if not are_prime_factors(hit.factors, hit.n):
                return Verdict.refutation(f"{hit.n} has not the factors that are claimed")
        if level == "quick":
            return Verdict.plausible("the counts agree and every finding was verified", 0.0)
        return _spot_check(unit, whole, tally, seed)

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:  # noqa: ARG002
        return Answer.sum(map(Answer.read, parts)).to_json()


def _range_of(params: Mapping[str, JSON]) -> Range:
    return Range(int(str(params["start"])), int(str(params["stop"])))


def _cost(whole: Range) -> float:
    return (whole.stop - whole.start) / 2 * _cost_per_odd_s(whole)


def _cost_per_odd_s(whole: Range) -> float:
    return COST_PER_ODD_S if whole.stop <= WIDE_FROM else COST_PER_WIDE_ODD_S


def _unit_width(whole: Range) -> int:
    """Of every unit of the job but the last."""
    return 2 * round(even_unit_cost(_cost(whole)) / _cost_per_odd_s(whole))


def _read_checkpoint(state: JSON, whole: Range) -> Tally:
    record = Record(state, name="checkpoint", error=CheckpointError, required=TALLY_FIELDS)
    return Tally.read(record, whole, CheckpointError)


def _read_result(result: object, whole: Range) -> Tally:
    """The leaves, counts and findings of a result whose other fields follow from them."""
    fields = ("ranges", "tested", "composites", "digest")
    record = Record(result, name="result", error=ResultError, required=(*fields, *TALLY_FIELDS))
    tally = Tally.read(record, whole, ResultError)
    parts = len(whole.parts())
    if len(tally.leaves) != parts:
        raise ResultError("result.leaves", f"it has {len(tally.leaves)}", f"this unit has {parts}")
    expected = unit_result(whole, tally)
    for name in fields:
        if not identical(record.get(name), expected[name]):
            raise ResultError(
                f"result.{name}", "it contradicts the leaves, counts or the unit", "recompute it"
            )
    return tally


def _spot_check(unit: Mapping[str, JSON], whole: Range, tally: Tally, seed: bytes) -> Verdict:
    from newral_kernels.bpsw_search import examine

    parts = whole.parts()
    chosen = opened(unit, len(parts), seed)
    again = examine([parts[index] for index in chosen])
    for index, part in zip(chosen, again, strict=True):
        if (part.leaf, part.psp2, part.hits) != tally.claims(index, parts[index]):
            return Verdict.refutation(f"leaf {index}, done again, came out differently")
    # The rest may have nothing of what is counted, or nothing else.
    rest = sum(odd_numbers(part.start, part.stop) for part in parts) - sum(
        odd_numbers(parts[index].start, parts[index].stop) for index in chosen
    )
    for name in ("filtered", "probable_primes"):
        claimed, counted = getattr(tally, name), sum(getattr(part, name) for part in again)
        if not counted <= claimed <= counted + rest:
            return Verdict.refutation(f"{name}, counted again, came out differently")
    if len(chosen) < len(parts):
        return Verdict.plausible(
            f"{len(chosen)} of {len(parts)} leaves, done again, agree", len(chosen) / len(parts)
        )
    return Verdict.proof("all of it was done again and agrees")
