"""Kernel `korselt`: prove that given numbers are Carmichael numbers, from their factors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import ClassVar, Final

from newral_kernels.criterion import (
    N_MAX,
    Factored,
    items_to_json,
    korselt_violation,
    read_ascending_items,
    read_items,
)
from newral_kernels.errors import ParamsError, ResultError, UnitError
from newral_kernels.kernel import JSON, Estimate, Kernel, Level, Result, Unit, Verdict
from newral_kernels.numbers import JSON_INTEGER_MAX
from newral_kernels.reading import Record, identical

ITEMS_MAX: Final = 1_000_000  # of a job: four times the Carmichael numbers below 10^16
UNIT_ITEMS_MAX: Final = 500
UNIT_CHARS_MAX: Final = 32_000  # of a unit's items as JSON: it fits an event of 64 KiB
COST_PER_ITEM_S: Final = 10e-6  # measured on numbers from 10^9 to 10^18: 7 to 12 µs
COST_PER_STEP_S: Final = 500e-6  # of a certificate; measured: 50 µs by N − 1, 600 µs by curves

_REASON: Final = re.compile(r".{1,1000}")


class Korselt(Kernel):
    """Check claimed factorisations by Korselt's criterion, with factors proved prime.

    Below 2^64 a factor is proved by a test; from there on the claim has to bring a certificate.

    Result: `checked`, the number of claims; `items`, the claims that hold, ascending, each once;
    `rejected`, `[{"n", "reason"}]` for the others, in the same order. Checking a result means to
    compute it again, which takes microseconds for each item and proves it.
    """

    name: ClassVar[str] = "korselt"
    version: ClassVar[str] = "2"
    summary: ClassVar[str] = "Prove given numbers to be Carmichael numbers by their factors"
    usage: ClassVar[str] = '{"items": [{"n": "561", "factors": [3, 11, 17]}]}'
    positional: ClassVar[tuple[str, ...]] = ()
    params_help: ClassVar[Mapping[str, str]] = {
        "items": 'claims to prove: [{"n": "561", "factors": [3, 11, 17]}, …]',
    }
    view: ClassVar[str] = "newral_kernels.korselt_view:KorseltView"
    memory_bytes_max: ClassVar[int] = 128 * 2**20
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
        "newral_kernels.korselt",
    )

    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        record = Record(params, name="params", error=ParamsError, required=("items",))
        claims = read_items(
            record.get("items"), name="items", error=ParamsError, length_max=ITEMS_MAX
        )
        return {"items": items_to_json(claims)}

    def plan(self, params: Mapping[str, JSON], start: int = 0) -> Iterator[Unit]:
        return ({"items": batch} for batch in islice(_batches(params), start, None))

    def estimate(self, params: Mapping[str, JSON]) -> Estimate:
        costs = [self.cost({"items": batch}) for batch in _batches(params)]
        return Estimate(len(costs), sum(costs))

    def cost(self, unit: Mapping[str, JSON]) -> float:
        claims = _read_unit(unit)
        steps = sum(len(proof.steps) for claim in claims for proof in claim.certificates)
        return len(claims) * COST_PER_ITEM_S + steps * COST_PER_STEP_S

    def run(
        self,
        unit: Mapping[str, JSON],
        *,
        progress: Callable[[float], None],
        checkpoint: Callable[[JSON], None],  # noqa: ARG002 - milliseconds are not worth saving
        resume: JSON | None = None,  # noqa: ARG002
    ) -> Result:
        result = _examine(_read_unit(unit))
        progress(1.0)
        return result

    def _verify(
        self,
        unit: Mapping[str, JSON],
        result: object,
        level: Level,  # noqa: ARG002 - there is nothing to sample
        seed: bytes,  # noqa: ARG002
    ) -> Verdict:
        expected = _examine(_read_unit(unit))
        if identical(result, expected):
            return Verdict.proof(f"all {expected['checked']} claims were checked again")
        return Verdict.refutation("the claims, checked again, came out differently")

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:  # noqa: ARG002
        checked = 0
        items: list[Factored] = []
        rejected: set[tuple[int, str]] = set()
        for part in parts:
            more_checked, more_items, more_rejected = _read_result(part)
            checked += more_checked
            items += more_items
            rejected.update(more_rejected)
        return _result(checked, items, rejected)


def _batches(params: Mapping[str, JSON]) -> Iterator[list[JSON]]:
    """The claims in order, cut by number and size."""
    batch: list[JSON] = []
    chars = 0
    items = params["items"]
    assert isinstance(items, list)
    for item in items:
        size = len(json.dumps(item))
        if len(batch) == UNIT_ITEMS_MAX or (batch and chars + size > UNIT_CHARS_MAX):
            yield batch
            batch, chars = [], 0
        batch.append(item)
        chars += size
    if batch:
        yield batch


def _examine(claims: Iterable[Factored]) -> Result:
    items: list[Factored] = []
    rejected: set[tuple[int, str]] = set()
    checked = 0
    for claim in claims:
        checked += 1
        violation = korselt_violation(claim)
        if violation is None:
            items.append(claim)
        else:
            rejected.add((claim.n, violation))
    return _result(checked, items, rejected)


def _result(checked: int, items: Iterable[Factored], rejected: Iterable[tuple[int, str]]) -> Result:
    return {
        "checked": checked,
        "items": items_to_json(_distinct(items)),
        "rejected": [{"n": str(n), "reason": reason} for n, reason in sorted(rejected)],
    }


def _distinct(claims: Iterable[Factored]) -> list[Factored]:
    """Ascending, each once: of claims that differ in their certificates the one with the least."""
    distinct: dict[int, Factored] = {}
    for claim in claims:
        known = distinct.setdefault(claim.n, claim)
        if known.certificates != claim.certificates:
            distinct[claim.n] = min(known, claim, key=_certificates_text)
    return [distinct[n] for n in sorted(distinct)]


def _certificates_text(claim: Factored) -> str:
    texts = [certificate.to_json() for certificate in claim.certificates]
    return json.dumps(texts, sort_keys=True, separators=(",", ":"))


def _read_unit(unit: Mapping[str, JSON]) -> list[Factored]:
    record = Record(unit, name="unit", error=UnitError, required=("items",))
    return read_items(
        record.get("items"), name="unit.items", error=UnitError, length_max=UNIT_ITEMS_MAX
    )


def _read_result(result: object) -> tuple[int, list[Factored], list[tuple[int, str]]]:
    record = Record(
        result, name="result", error=ResultError, required=("checked", "items", "rejected")
    )
    checked = record.small_integer("checked", minimum=0, maximum=JSON_INTEGER_MAX)
    items = read_ascending_items(
        record.get("items"), name="items", error=ResultError, length_max=ITEMS_MAX
    )
    rejected = [_read_rejection(value) for value in record.array("rejected", length_max=ITEMS_MAX)]
    return checked, items, rejected


def _read_rejection(value: object) -> tuple[int, str]:
    record = Record(value, name="rejected", error=ResultError, required=("n", "reason"))
    n = record.integer("n", minimum=1, maximum=N_MAX)
    return n, record.text("reason", _REASON)
