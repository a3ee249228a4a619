"""Kernel `carmichael`: all Carmichael numbers of a range, with their prime factors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from newral_kernels import carmichael_preproducts
from newral_kernels.carmichael_cell import BOUND_MAX, BOUND_MIN, Cell
from newral_kernels.carmichael_preproducts import (
    PREPRODUCT_MAX,
    PREPRODUCT_MIN,
    PreproductRange,
)
from newral_kernels.carmichael_result import (
    Checkpoint,
    UnitResult,
    checkpoint_to_json,
    fold,
    leaves_of,
)
from newral_kernels.commitment import opened
from newral_kernels.criterion import items_to_json, korselt_violation
from newral_kernels.errors import ParamsError
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
from newral_kernels.reading import Record

if TYPE_CHECKING:  # they need numba, which a quick check does without
    from newral_kernels.carmichael_divisors import RangeSearch
    from newral_kernels.carmichael_search import CellSearch

Part: TypeAlias = Cell | PreproductRange

UNITS_MIN: Final = 12  # in a job that is not tiny
CHECKPOINTS: Final = 8  # of a unit
STEPS: Final = 32  # between which progress is reported


class Carmichael(Kernel):
    """List the Carmichael numbers start <= n < bound, constructed from their prime factors.

    With `preproduct_below`, only those whose *preproduct*, the product of all prime factors but the
    two largest, is below it: there are finitely many, and n may then exceed 64 bits.

    Result: `items`, ascending, each `{"n": "561", "factors": [3, 11, 17]}`, and their `count`. That
    each item is right follows from its factors (Korselt's criterion); that none is missing is what
    a spot check samples: `leaves` depend on all residues that a search computes, see the
    specification.
    """

    name: ClassVar[str] = "carmichael"
    version: ClassVar[str] = "2"
    summary: ClassVar[str] = "List the Carmichael numbers below a bound"
    usage: ClassVar[str] = "carmichael 10^10"
    positional: ClassVar[tuple[str, ...]] = ("bound",)
    params_help: ClassVar[Mapping[str, str]] = {
        "bound": "list the Carmichael numbers below it",
        "start": "and not below this; 1 where it is not given",
        "preproduct_below": "only those whose prime factors but the largest two have a product "
        "below it; then up to 10^37",
    }
    view: ClassVar[str] = "newral_kernels.carmichael_view:CarmichaelView"
    memory_bytes_max: ClassVar[int] = 2**30
    sources: ClassVar[tuple[str, ...]] = (
        "newral_kernels.errors",
        "newral_kernels.kernel",
        "newral_kernels.numbers",
        "newral_kernels.reading",
        "newral_kernels.gmp",
        "newral_kernels.sieve",
        "newral_kernels.primality",
        "newral_kernels.certificates.small",
        "newral_kernels.certificates.forms",
        "newral_kernels.certificates.n_minus_1_check",
        "newral_kernels.certificates.ecpp_check",
        "newral_kernels.certificates.verify",
        "newral_kernels.commitment",
        "newral_kernels.criterion",
        "newral_kernels.jit",
        "newral_kernels.words",
        "newral_kernels.borrowing",
        "newral_kernels.float_residues",
        "newral_kernels.preproducts",
        "newral_kernels.preproducts.workspace",
        "newral_kernels.preproducts.prime_tables",
        "newral_kernels.preproducts.node",
        "newral_kernels.preproducts.pairs",
        "newral_kernels.preproducts.cofactors",
        "newral_kernels.preproducts.tree",
        "newral_kernels.preproducts.divisors",
        "newral_kernels.carmichael_cell",
        "newral_kernels.carmichael_preproducts",
        "newral_kernels.carmichael_divisors",
        "newral_kernels.carmichael_search",
        "newral_kernels.carmichael_result",
        "newral_kernels.carmichael",
    )

    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        optional = ("start", "preproduct_below")
        record = Record(
            params, name="params", error=ParamsError, required=("bound",), optional=optional
        )
        below = record.get("preproduct_below")
        most = BOUND_MAX if below is None else carmichael_preproducts.BOUND_MAX
        bound = parse_integer(record.get("bound"), minimum=BOUND_MIN, maximum=most, field="bound")
        given = record.get("start")
        start = (
            1
            if given is None
            else parse_integer(given, minimum=1, maximum=bound - 1, field="start")
        )
        valid: dict[str, JSON] = {"start": str(start), "bound": str(bound)}
        if below is not None:
            limit = parse_integer(
                below,
                minimum=PREPRODUCT_MIN + 1,
                maximum=PREPRODUCT_MAX,
                field="preproduct_below",
            )
            valid["preproduct_below"] = str(limit)
        return valid

    def prepare(self) -> None:
        from newral_kernels import carmichael_divisors, carmichael_search

        carmichael_search.prepare()
        carmichael_divisors.prepare()

    def plan(self, params: Mapping[str, JSON], start: int = 0) -> Iterator[Unit]:
        return (part.to_unit() for part in itertools.islice(_parts(params), start, None))

    def estimate(self, params: Mapping[str, JSON]) -> Estimate:
        costs = [_cost(part) for part in _parts(params)]
        return Estimate(len(costs), sum(costs))

    def cost(self, unit: Mapping[str, JSON]) -> float:
        return _cost(_part_of(unit))

    def run(
        self,
        unit: Mapping[str, JSON],
        *,
        progress: Callable[[float], None],
        checkpoint: Callable[[JSON], None],
        resume: JSON | None = None,
    ) -> Result:
        search = _search(_part_of(unit))
        groups, sums = search.groups, search.no_sums()
        done, items = 0, search.beside()
        if resume is not None:
            state = Checkpoint.read(resume, groups=groups, leaves=search.leaves)
            done, items = state.groups, state.items
            sums[:] = state.sums
        listed = items_to_json(items)
        while done < groups:
            stop = min(done + -(-groups // STEPS), groups)
            found = search.search(done, stop, range(search.leaves), sums)
            items += found
            listed += items_to_json(found)
            if done * CHECKPOINTS // groups < stop * CHECKPOINTS // groups:
                checkpoint(checkpoint_to_json(stop, sums.tolist(), listed.copy()))
            done = stop
            progress(done / groups)
        progress(1.0)
        return UnitResult(items, leaves_of(sums.tolist())).to_json()

    def _verify(
        self, unit: Mapping[str, JSON], result: object, level: Level, seed: bytes
    ) -> Verdict:
        part = _part_of(unit)
        claimed = UnitResult.read(result)
        for item in claimed.items:
            violation = korselt_violation(item)
            if violation is not None:
                return Verdict.refutation(f"{item.n} is no Carmichael number: {violation}")
            if not part.holds(item.n, item.factors):
                return Verdict.refutation(f"{item.n} does not belong to the unit")
        if level == "quick":
            return Verdict.plausible(
                f"each of {len(claimed.items)} Carmichael numbers is proved", 0.0
            )
        return _spot_check(part, claimed, seed)

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:  # noqa: ARG002
        return fold(parts)


def _part_of(unit: Mapping[str, JSON]) -> Part:
    if isinstance(unit, dict) and "preproduct_low" in unit:
        return PreproductRange.of_unit(unit)
    return Cell.of_unit(unit)


def _search(part: Part) -> CellSearch | RangeSearch:
    from newral_kernels.carmichael_divisors import RangeSearch
    from newral_kernels.carmichael_search import CellSearch

    return CellSearch(part) if isinstance(part, Cell) else RangeSearch(part)


def _cost(part: Part) -> float:
    from newral_kernels import carmichael_divisors, carmichael_plan

    if isinstance(part, Cell):
        return carmichael_plan.cost(part)
    return carmichael_divisors.cost(part)


def _parts(params: Mapping[str, JSON]) -> Iterator[Part]:
    from newral_kernels import carmichael_divisors, carmichael_plan

    start, bound = int(str(params["start"])), int(str(params["bound"]))
    if "preproduct_below" in params:
        high = int(str(params["preproduct_below"]))
        whole = PreproductRange(start, bound, PREPRODUCT_MIN, high)
        yield from carmichael_divisors.cut(whole, _unit_cost(_cost(whole)))
    else:
        cell = Cell(start, bound, (), low=BOUND_MIN, high=bound)
        yield from carmichael_plan.cut(cell, _unit_cost(_cost(cell)))


def _unit_cost(total_s: float) -> float:
    """What to aim at: even a job of a few hundredths of a second shall be shared."""
    return min(even_unit_cost(total_s), total_s / UNITS_MIN)


def _spot_check(part: Part, claimed: UnitResult, seed: bytes) -> Verdict:
    """Search the groups of some leaves again, which the seed chooses."""
    search = _search(part)
    if len(claimed.leaves) != search.leaves:
        return Verdict.refutation(
            f"the unit has {search.leaves} leaves, and {len(claimed.leaves)} are listed"
        )
    wanted = opened(part.to_unit(), search.leaves, seed)
    sums = search.no_sums()
    found = search.beside() + search.search(0, search.groups, wanted, sums)
    leaves = leaves_of(sums.tolist())
    for index in wanted:
        if leaves[index] != claimed.leaves[index]:
            return Verdict.refutation(f"leaf {index} of {search.leaves}, computed again, differs")
    missing = set(found) - set(claimed.items)
    if missing:
        return Verdict.refutation(f"{min(missing).n} belongs to the unit and is not listed")
    if len(wanted) == search.leaves:
        return Verdict.proof("all of it was searched again and agrees")
    return Verdict.plausible(
        f"{len(wanted)} of {search.leaves} leaves, computed again, agree",
        len(wanted) / search.leaves,
    )
