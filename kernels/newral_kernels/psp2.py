"""Kernel `psp2`: all base-2 pseudoprimes of a range that have no small prime factor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from newral_kernels.commitment import encode_leaves, opened
from newral_kernels.criterion import Factored, items_to_json, read_items
from newral_kernels.errors import CheckpointError, ParamsError, ResultError
from newral_kernels.gmp import powmod
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
from newral_kernels.psp2_criterion import prime_factors_from, pseudoprime_violation
from newral_kernels.psp2_domain import COFACTOR_MAX, P_MIN, STOP_MAX, WIDTH_MAX, Domain
from newral_kernels.psp2_plan import Cut, cost, cut
from newral_kernels.psp2_result import (
    ITEMS_MAX,
    Answer,
    hits_among,
    read_leaves,
    read_result,
    unit_result,
)
from newral_kernels.reading import Record, identical

if TYPE_CHECKING:
    from newral_kernels.psp2_search import SearchedLeaf

ROUGH: Final = 39_000  # the bound of the published lists beyond 2^64
ROUGH_MAX: Final = 10**6
CHECKPOINTS: Final = 16  # of a unit


class Psp2(Kernel):
    """List the odd composite n with 2^(n−1) ≡ 1 (mod n), start <= n < stop, whose prime factors
    all are `rough` or above, with these factors, and test each for Baillie-PSW.

    Result of a unit: `items`, ascending, each `{"n": "341", "factors": [11, 31]}`, and their
    `count`; `hits`, those that pass a Lucas test as well; `leaves` and `digest`, to which the work
    is committed. A reduced answer has for `leaves` the number of `units` that it is made of, and
    the count `by_factors`, how many prime factors there are; its `digest` is the sum of the units'
    digests modulo 2^256, which tells apart two honest computations but resists no adversary.
    """

    name: ClassVar[str] = "psp2"
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = "List base-2 pseudoprimes without small factors, tested for Lucas"
    usage: ClassVar[str] = "psp2 2^64 2^64+10^12"
    positional: ClassVar[tuple[str, ...]] = ("start", "stop")
    params_help: ClassVar[Mapping[str, str]] = {
        "start": "the first n",
        "stop": "the end of the range, at most 2^66 and start + 10^18",
        "rough": "no prime factor is below it; 39,000 by default",
    }
    view: ClassVar[str] = "newral_kernels.psp2_view:Psp2View"
    memory_bytes_max: ClassVar[int] = 512 * 2**20
    sources: ClassVar[tuple[str, ...]] = (
        "newral_kernels.errors",
        "newral_kernels.kernel",
        "newral_kernels.numbers",
        "newral_kernels.reading",
        "newral_kernels.gmp",
        "newral_kernels.sieve",
        "newral_kernels.certificates.small",
        "newral_kernels.certificates.forms",
        "newral_kernels.certificates.n_minus_1_check",
        "newral_kernels.certificates.ecpp_check",
        "newral_kernels.certificates.verify",
        "newral_kernels.criterion",
        "newral_kernels.commitment",
        "newral_kernels.jit",
        "newral_kernels.words",
        "newral_kernels.borrowing",
        "newral_kernels.float_residues",
        "newral_kernels.powers",
        "newral_kernels.orders",
        "newral_kernels.psp2_criterion",
        "newral_kernels.psp2_domain",
        "newral_kernels.psp2_scan",
        "newral_kernels.psp2_pairs",
        "newral_kernels.psp2_search",
        "newral_kernels.psp2_weights",
        "newral_kernels.psp2_plan",
        "newral_kernels.psp2_result",
        "newral_kernels.psp2",
    )

    def prepare(self) -> None:
        from newral_kernels.psp2_search import prepare

        prepare()

    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        record = Record(
            params,
            name="params",
            error=ParamsError,
            required=("start", "stop"),
            optional=("rough",),
        )
        given = record.get("rough")
        rough = (
            ROUGH
            if given is None
            else parse_integer(given, minimum=P_MIN, maximum=ROUGH_MAX, field="rough")
        )
        start = parse_integer(record.get("start"), minimum=1, maximum=STOP_MAX - 1, field="start")
        most = min(start + WIDTH_MAX, STOP_MAX, rough * COFACTOR_MAX)
        # The least n of two factors is rough².
        least = max(start, rough**2) + 1
        if least > most:
            raise ParamsError(
                "start",
                f"from {start} on, {WIDTH_MAX} numbers wide, nothing is searched",
                f"give one from {max(rough**2 - WIDTH_MAX, 0) + 1} to "
                f"{min(STOP_MAX, rough * COFACTOR_MAX) - 1} for rough = {rough}",
            )
        stop = parse_integer(record.get("stop"), minimum=least, maximum=most, field="stop")
        return {"start": str(start), "stop": str(stop), "rough": str(rough)}

    def plan(self, params: Mapping[str, JSON], start: int = 0) -> Iterator[Unit]:
        for part in _cuts(params):
            for index in range(start, part.count):
                yield part.slice(index).to_unit()
            start = max(start - part.count, 0)

    def estimate(self, params: Mapping[str, JSON]) -> Estimate:
        cuts = list(_cuts(params))
        return Estimate(sum(part.count for part in cuts), sum(part.cost_s for part in cuts))

    def cost(self, unit: Mapping[str, JSON]) -> float:
        return cost(Domain.of_unit(unit))

    def run(
        self,
        unit: Mapping[str, JSON],
        *,
        progress: Callable[[float], None],
        checkpoint: Callable[[JSON], None],
        resume: JSON | None = None,
    ) -> Result:
        from newral_kernels.psp2_search import search

        domain = Domain.of_unit(unit)
        tags, items = ([], []) if resume is None else _read_checkpoint(resume, domain)
        each = -(-domain.leaves // CHECKPOINTS)
        for leaf in search(domain).leaves(len(tags), domain.leaves):
            tags.append(leaf.tag)
            items.extend(_pseudoprimes(domain, leaf))
            if len(tags) % each == 0 and len(tags) < domain.leaves:
                checkpoint({"leaves": encode_leaves(tags), "items": items_to_json(items)})
                progress(len(tags) / domain.leaves)
        progress(1.0)
        return unit_result(tags, items)

    def _verify(
        self, unit: Mapping[str, JSON], result: object, level: Level, seed: bytes
    ) -> Verdict:
        domain = Domain.of_unit(unit)
        tags, items = read_result(result, domain)
        for item in items:
            violation = pseudoprime_violation(item)
            if violation is not None:
                return Verdict.refutation(f"{item.n} is no base-2 pseudoprime: {violation}")
            if not domain.holds(item.n, item.factors):
                return Verdict.refutation(f"{item.n} does not belong to the unit")
        assert isinstance(result, dict)
        if not identical(result["hits"], hits_among(items)):
            raise ResultError("result.hits", "other items pass a Lucas test", "test them again")
        if level == "quick":
            return Verdict.plausible(f"each of {len(items)} pseudoprimes is proved", 0.0)
        return _spot_check(domain, tags, items, opened(unit, len(tags), seed))

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:  # noqa: ARG002
        return Answer.sum(map(Answer.read, parts)).to_json()


def _cuts(params: Mapping[str, JSON]) -> Iterator[Cut]:
    start, stop, rough = (int(str(params[name])) for name in ("start", "stop", "rough"))
    whole = Domain(start, stop, rough, math.isqrt(stop - 1) + 1)
    total = sum(cost(part.domain) for part in cut(whole, math.inf))
    return cut(whole, even_unit_cost(total))


def _pseudoprimes(domain: Domain, leaf: SearchedLeaf) -> Iterator[Factored]:
    """Those of the pairs (p, s) whose p·s are pseudoprimes of the domain with least factor p."""
    for p, s in leaf.found:
        others = prime_factors_from(p, s)
        if others is None or powmod(2, p * s - 1, p * s) != 1:
            continue
        if domain.holds(p * s, (p, *others)):
            yield Factored(p * s, (p, *others))


def _read_checkpoint(state: JSON, domain: Domain) -> tuple[list[bytes], list[Factored]]:
    record = Record(state, name="checkpoint", error=CheckpointError, required=("leaves", "items"))
    items = read_items(
        record.get("items"), name="items", error=CheckpointError, length_max=ITEMS_MAX
    )
    return read_leaves(record, domain, CheckpointError), items


def _spot_check(
    domain: Domain, tags: Sequence[bytes], items: Sequence[Factored], chosen: Sequence[int]
) -> Verdict:
    from newral_kernels.psp2_search import search

    searcher, listed = search(domain), set(items)
    for index in chosen:
        for leaf in searcher.leaves(index, index + 1):
            if leaf.tag != tags[index]:
                return Verdict.refutation(f"leaf {index}, searched again, came out differently")
            for item in _pseudoprimes(domain, leaf):
                if item not in listed:
                    return Verdict.refutation(f"{item.n}, in leaf {index}, is not listed")
    if len(chosen) == len(tags):
        return Verdict.proof("all of it was searched again and agrees")
    return Verdict.plausible(
        f"{len(chosen)} of {len(tags)} leaves, searched again, agree", len(chosen) / len(tags)
    )
