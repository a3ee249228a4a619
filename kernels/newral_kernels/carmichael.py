"""Kernel `carmichael`: all Carmichael numbers of a range, with their prime factors."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from newral_kernels.carmichael_cell import BOUND_MAX, BOUND_MIN, Cell
from newral_kernels.carmichael_plan import COST_PER_PAIR_S, cost, cut
from newral_kernels.carmichael_search import complete, leaves, search
from newral_kernels.criterion import (
    Factored,
    items_to_json,
    korselt_violation,
    read_ascending_items,
    read_items,
)
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

ITEMS_MAX: Final = 1_000_000  # four times as many as there are below 10^16
CHECKPOINT_PAIRS: Final = 2**19  # some 0.2 s
SPOT_SHARE: Final = 1 / 32  # of a unit's cost, done again by a spot check


class Carmichael(Kernel):
    """List the Carmichael numbers start <= n < bound, constructed from their prime factors.

    Result: `items`, ascending, each `{"n": "561", "factors": [3, 11, 17]}`, and their `count`. That
    each item is right follows from its factors (Korselt's criterion); that none is missing is what
    a spot check samples.
    """

    name: ClassVar[str] = "carmichael"
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = "List the Carmichael numbers below a bound"
    usage: ClassVar[str] = "carmichael 10^10"
    positional: ClassVar[tuple[str, ...]] = ("bound",)
    params_help: ClassVar[Mapping[str, str]] = {
        "bound": "list the Carmichael numbers below it",
        "start": "and not below this; 1 where it is not given",
    }
    view: ClassVar[str] = "newral_kernels.carmichael_view:CarmichaelView"
    memory_bytes_max: ClassVar[int] = 256 * 2**20
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
        "newral_kernels.criterion",
        "newral_kernels.carmichael_cell",
        "newral_kernels.carmichael_search",
        "newral_kernels.carmichael_plan",
        "newral_kernels.carmichael",
    )

    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        record = Record(
            params, name="params", error=ParamsError, required=("bound",), optional=("start",)
        )
        bound = parse_integer(
            record.get("bound"), minimum=BOUND_MIN, maximum=BOUND_MAX, field="bound"
        )
        given = record.get("start")
        start = (
            1
            if given is None
            else parse_integer(given, minimum=1, maximum=bound - 1, field="start")
        )
        return {"start": str(start), "bound": str(bound)}

    def plan(self, params: Mapping[str, JSON], start: int = 0) -> Iterator[Unit]:
        return (cell.to_unit() for cell in itertools.islice(_cells(params), start, None))

    def estimate(self, params: Mapping[str, JSON]) -> Estimate:
        costs = [cost(cell) for cell in _cells(params)]
        return Estimate(len(costs), sum(costs))

    def cost(self, unit: Mapping[str, JSON]) -> float:
        return cost(Cell.of_unit(unit))

    def run(
        self,
        unit: Mapping[str, JSON],
        *,
        progress: Callable[[float], None],
        checkpoint: Callable[[JSON], None],
        resume: JSON | None = None,
    ) -> Result:
        cell = Cell.of_unit(unit)
        done, pairs, items = (0, 0, []) if resume is None else _read_checkpoint(resume)
        expected_pairs = cost(cell) / COST_PER_PAIR_S
        saved = pairs
        for leaf in itertools.islice(leaves(cell), done, None):
            found = complete(leaf, cell.bound - 1)
            items.extend(item for item in found if cell.holds(item.n, item.factors))
            done += 1
            pairs += len(leaf.qs)
            if pairs - saved >= CHECKPOINT_PAIRS:
                saved = pairs
                checkpoint({"leaves": done, "pairs": pairs, "items": items_to_json(items)})
                progress(min(pairs / expected_pairs, 1.0))
        progress(1.0)
        return _result(sorted(items))

    def _verify(
        self, unit: Mapping[str, JSON], result: object, level: Level, seed: bytes
    ) -> Verdict:
        cell = Cell.of_unit(unit)
        items = _read_result(result)
        for item in items:
            violation = korselt_violation(item)
            if violation is not None:
                return Verdict.refutation(f"{item.n} is no Carmichael number: {violation}")
            if not cell.holds(item.n, item.factors):
                return Verdict.refutation(f"{item.n} does not belong to the unit")
        if level == "quick":
            return Verdict.plausible(f"each of {len(items)} Carmichael numbers is proved", 0.0)
        return _spot_check(cell, items, seed)

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:  # noqa: ARG002
        return _result(sorted({item for part in parts for item in _read_result(part)}))


def _cells(params: Mapping[str, JSON]) -> Iterator[Cell]:
    bound = int(str(params["bound"]))
    whole = Cell(int(str(params["start"])), bound, (), low=BOUND_MIN, high=bound)
    return cut(whole, even_unit_cost(cost(whole)))


def _result(items: Sequence[Factored]) -> Result:
    return {"count": len(items), "items": items_to_json(items)}


def _read_result(result: object) -> list[Factored]:
    record = Record(result, name="result", error=ResultError, required=("count", "items"))
    items = read_ascending_items(
        record.get("items"), name="items", error=ResultError, length_max=ITEMS_MAX
    )
    if not identical(record.get("count"), len(items)):
        raise ResultError("result.count", "it is not the number of items", f"{len(items)} are")
    return items


def _read_checkpoint(state: JSON) -> tuple[int, int, list[Factored]]:
    record = Record(
        state, name="checkpoint", error=CheckpointError, required=("leaves", "pairs", "items")
    )
    items = read_items(
        record.get("items"), name="items", error=CheckpointError, length_max=ITEMS_MAX
    )
    done = record.small_integer("leaves", minimum=0, maximum=JSON_INTEGER_MAX)
    return done, record.small_integer("pairs", minimum=0, maximum=JSON_INTEGER_MAX), items


def _spot_check(cell: Cell, items: Sequence[Factored], seed: bytes) -> Verdict:
    """Search one part of the cell again, as the seed decides."""
    parts = list(cut(cell, cost(cell) * SPOT_SHARE))
    digest = hashlib.sha256(f"newral carmichael spot {cell} ".encode() + seed).digest()
    part = parts[int.from_bytes(digest, "big") % len(parts)]
    claimed = [item for item in items if part.holds(item.n, item.factors)]
    found = search(part)
    if found != claimed:
        return Verdict.refutation(
            f"with the first primes {part.prefix} and the next in [{part.low}, {part.high}), "
            f"{len(found)} numbers exist and {len(claimed)} are listed"
        )
    if len(parts) == 1:
        return Verdict.proof("all of it was searched again and agrees")
    return Verdict.plausible(
        f"1 of {len(parts)} parts, searched again, agrees", cost(part) / cost(cell)
    )
