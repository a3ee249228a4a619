"""Kernel `carmichael-merge`: one sorted table of Carmichael numbers, counted by magnitude."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from newral_kernels.criterion import (
    N_MAX,
    Factored,
    items_to_json,
    read_ascending_items,
    read_items,
)
from newral_kernels.errors import FieldError, ParamsError, ResultError, UnitError
from newral_kernels.kernel import JSON, Estimate, Kernel, Level, Result, Unit, Verdict
from newral_kernels.numbers import parse_integer
from newral_kernels.reading import Record, identical

ITEMS_MAX: Final = 1_000_000  # four times the Carmichael numbers below 10^16
COST_PER_ITEM_S: Final = 10e-6
COST_PER_UNIT_S: Final = 1e-3
MAGNITUDE_MIN: Final = 3  # the smallest Carmichael number, 561, is the only one below 10^3


class CarmichaelMerge(Kernel):
    """Merge lists of Carmichael numbers below a bound, in one unit.

    Result: `items`, ascending, each once; their `count`; and `by_magnitude`, how many of them are
    below each power of ten up to the bound: `{"10^3": 1, "10^4": 7}`. Whether the numbers are
    Carmichael numbers is for the kernel `korselt` to say.
    """

    name: ClassVar[str] = "carmichael-merge"
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = "Merge Carmichael numbers into one table with counts by magnitude"
    usage: ClassVar[str] = '{"bound": "10^3", "items": [{"n": "561", "factors": [3, 11, 17]}]}'
    positional: ClassVar[tuple[str, ...]] = ()
    params_help: ClassVar[Mapping[str, str]] = {
        "bound": "every number is below it",
        "items": 'what to merge: [{"n": "561", "factors": [3, 11, 17]}, …]',
    }
    view: ClassVar[str] = "newral_kernels.view:FactoredView"
    memory_bytes_max: ClassVar[int] = 2**30
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
        "newral_kernels.carmichael_merge",
    )

    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        record = Record(params, name="params", error=ParamsError, required=("bound", "items"))
        bound = parse_integer(record.get("bound"), minimum=2, maximum=N_MAX, field="bound")
        items = _read_items(record, bound, ParamsError)
        return {"bound": str(bound), "items": items_to_json(items)}

    def plan(self, params: Mapping[str, JSON], start: int = 0) -> Iterator[Unit]:
        if start == 0:
            yield dict(params)

    def estimate(self, params: Mapping[str, JSON]) -> Estimate:
        return Estimate(1, self.cost(params))

    def cost(self, unit: Mapping[str, JSON]) -> float:
        _, items = _read_unit(unit)
        return COST_PER_UNIT_S + len(items) * COST_PER_ITEM_S

    def run(
        self,
        unit: Mapping[str, JSON],
        *,
        progress: Callable[[float], None],
        checkpoint: Callable[[JSON], None],  # noqa: ARG002 - reading it costs as much as the work
        resume: JSON | None = None,  # noqa: ARG002
    ) -> Result:
        bound, items = _read_unit(unit)
        result = _result(bound, items)
        progress(1.0)
        return result

    def _verify(
        self,
        unit: Mapping[str, JSON],
        result: object,
        level: Level,  # noqa: ARG002 - there is nothing to sample
        seed: bytes,  # noqa: ARG002
    ) -> Verdict:
        bound, items = _read_unit(unit)
        if identical(result, _result(bound, items)):
            return Verdict.proof("the table was merged again")
        return Verdict.refutation("the table, merged again, came out differently")

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:
        bound = int(str(params["bound"]))
        return _result(bound, (item for part in parts for item in _read_result(part)))


def _result(bound: int, items: Iterable[Factored]) -> Result:
    """Where two factorisations of one number are given, the first in order is kept."""
    table = sorted({item.n: item for item in sorted(items, reverse=True)}.values())
    by_magnitude: dict[str, JSON] = {}
    magnitude = MAGNITUDE_MIN
    while 10**magnitude <= bound:
        by_magnitude[f"10^{magnitude}"] = bisect_left(table, 10**magnitude, key=lambda item: item.n)
        magnitude += 1
    return {"count": len(table), "by_magnitude": by_magnitude, "items": items_to_json(table)}


def _read_unit(unit: Mapping[str, JSON]) -> tuple[int, list[Factored]]:
    record = Record(unit, name="unit", error=UnitError, required=("bound", "items"))
    bound = record.integer("bound", minimum=2, maximum=N_MAX)
    return bound, _read_items(record, bound, UnitError)


def _read_items(record: Record, bound: int, error: type[FieldError]) -> list[Factored]:
    items = read_items(record.get("items"), name="items", error=error, length_max=ITEMS_MAX)
    for item in items:
        if item.n >= bound:
            raise error("items", f"{item.n} is not below the bound", "leave it out")
    return [Factored(item.n, item.factors) for item in items]  # a table has no certificates


def _read_result(result: object) -> list[Factored]:
    """The items alone: the counts follow from them."""
    record = Record(
        result, name="result", error=ResultError, required=("count", "by_magnitude", "items")
    )
    return read_ascending_items(
        record.get("items"), name="items", error=ResultError, length_max=ITEMS_MAX
    )
