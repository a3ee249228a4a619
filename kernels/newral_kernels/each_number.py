"""Kernels that say one thing about each number of a list."""

from __future__ import annotations

import abc
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from newral_kernels.errors import CheckpointError, FieldError, ParamsError, ResultError, UnitError
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
from newral_kernels.numbers import decode_integer, parse_integer
from newral_kernels.reading import Record, identical, read_array

N_MIN: Final = 2
N_MAX: Final = 2**128 - 1
ITEMS_MAX: Final = 100_000  # of a job
UNIT_ITEMS_MAX: Final = 400  # with 48 bytes for each number a unit still fits into a lease
CHECKPOINT_ITEMS: Final = 16


class EachNumber(Kernel):
    """Params: `items`, numbers from 2 to 2^128 − 1, or objects of which the member `n` is one, such
    as other kernels' findings. Unit: `items`, decimal strings, ascending, each once.

    Result: `items`, an object for each number, in the same order, and their `count`. A result is
    checked item by item, which proves it.
    """

    positional: ClassVar[tuple[str, ...]] = ()
    params_help: ClassVar[Mapping[str, str]] = {
        "items": "numbers from 2 to 2^128 - 1, or objects with such a member n",
    }
    memory_bytes_max: ClassVar[int] = 256 * 2**20

    @abc.abstractmethod
    def compute(self, n: int) -> dict[str, JSON]:
        """What there is to say about n, with n as its member `n`."""

    @abc.abstractmethod
    def violation(self, n: int, value: object) -> str | None:
        """Why it is not what `compute` says; None when it is. May raise `ResultError`."""

    @abc.abstractmethod
    def cost_of(self, n: int) -> float:
        """Reference-core seconds for a number of that size, on average."""

    def prepare(self) -> None:
        from newral_kernels.factoring.compiled_ecm import run_curves

        run_curves.prepare()

    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        record = Record(params, name="params", error=ParamsError, required=("items",))
        items = record.array("items", length_max=ITEMS_MAX)
        numbers = {_parse(item, f"items[{index}]") for index, item in enumerate(items)}
        return {"items": [str(n) for n in sorted(numbers)]}

    def plan(self, params: Mapping[str, JSON], start: int = 0) -> Iterator[Unit]:
        return ({"items": batch} for batch in itertools.islice(self._batches(params), start, None))

    def estimate(self, params: Mapping[str, JSON]) -> Estimate:
        costs = [self.cost({"items": batch}) for batch in self._batches(params)]
        return Estimate(len(costs), sum(costs))

    def cost(self, unit: Mapping[str, JSON]) -> float:
        return sum(map(self.cost_of, _read_unit(unit)))

    def run(
        self,
        unit: Mapping[str, JSON],
        *,
        progress: Callable[[float], None],
        checkpoint: Callable[[JSON], None],
        resume: JSON | None = None,
    ) -> Result:
        numbers = _read_unit(unit)
        items: list[JSON] = [] if resume is None else self._read_checkpoint(resume, numbers)
        for n in numbers[len(items) :]:
            items.append(self.compute(n))
            if len(items) % CHECKPOINT_ITEMS == 0 and len(items) < len(numbers):
                checkpoint({"items": list(items)})
                progress(len(items) / len(numbers))
        progress(1.0)
        return _result(items)

    def _verify(
        self,
        unit: Mapping[str, JSON],
        result: object,
        level: Level,  # noqa: ARG002 - everything is verified at once
        seed: bytes,  # noqa: ARG002
    ) -> Verdict:
        numbers = _read_unit(unit)
        items = _read_items(result)
        if len(items) != len(numbers):
            return Verdict.refutation(f"it has {len(items)} items for {len(numbers)} numbers")
        for n, item in zip(numbers, items, strict=True):
            wrong = self.violation(n, item)
            if wrong is not None:
                return Verdict.refutation(f"{n}: {wrong}")
        return Verdict.proof(f"each of {len(numbers)} certificates holds")

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:  # noqa: ARG002
        items: dict[int, JSON] = {}
        for item in itertools.chain.from_iterable(map(_read_items, parts)):
            n = _number_of(item, ResultError)
            items[n] = min(items.get(n, item), item, key=_text)
        return _result(items[n] for n in sorted(items))

    def _batches(self, params: Mapping[str, JSON]) -> Iterator[list[JSON]]:
        numbers = _read_unit(params, length_max=ITEMS_MAX)
        wanted_s = even_unit_cost(sum(map(self.cost_of, numbers)))
        batch: list[JSON] = []
        cost_s = 0.0
        for n in numbers:
            if batch and (len(batch) == UNIT_ITEMS_MAX or cost_s >= wanted_s):
                yield batch
                batch, cost_s = [], 0.0
            batch.append(str(n))
            cost_s += self.cost_of(n)
        if batch:
            yield batch

    def _read_checkpoint(self, state: JSON, numbers: Sequence[int]) -> list[JSON]:
        record = Record(state, name="checkpoint", error=CheckpointError, required=("items",))
        items = record.array("items", length_max=len(numbers))
        for n, item in zip(numbers, items, strict=False):
            if _number_of(item, CheckpointError) != n:
                raise CheckpointError("checkpoint.items", "they are of other numbers", "begin anew")
        return [dict(item) for item in items if isinstance(item, dict)]


def _parse(item: object, field: str) -> int:
    value = item["n"] if isinstance(item, dict) and "n" in item else item
    return parse_integer(value, minimum=N_MIN, maximum=N_MAX, field=field)


def _read_unit(unit: Mapping[str, JSON], length_max: int = UNIT_ITEMS_MAX) -> list[int]:
    record = Record(unit, name="unit", error=UnitError, required=("items",))
    numbers = [
        decode_integer(item, minimum=N_MIN, maximum=N_MAX, field="unit.items", error=UnitError)
        for item in record.array("items", length_max=length_max)
    ]
    if any(a >= b for a, b in itertools.pairwise(numbers)):
        raise UnitError("unit.items", "they are not ascending", "list each number once, in order")
    return numbers


def _read_items(result: object) -> list[JSON]:
    record = Record(result, name="result", error=ResultError, required=("count", "items"))
    items: list[JSON] = read_array(  # type: ignore[assignment]
        record.get("items"), name="items", error=ResultError, length_max=ITEMS_MAX
    )
    if not identical(record.get("count"), len(items)):
        raise ResultError("result.count", "it is not the number of items", f"{len(items)} are")
    return items


def _number_of(item: object, error: type[FieldError]) -> int:
    if not isinstance(item, dict):
        raise error("items", "one of them is no object", "each is one with a member n")
    return decode_integer(item.get("n"), minimum=N_MIN, maximum=N_MAX, field="items.n", error=error)


def _result(items: Iterable[JSON]) -> Result:
    listed = list(items)
    return {"count": len(listed), "items": listed}


def _text(item: JSON) -> str:
    return json.dumps(item, sort_keys=True)
