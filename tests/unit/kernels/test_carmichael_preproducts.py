"""Carmichael numbers with small preproducts, beyond 64 bits, against other ways to find them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from newral_kernels.carmichael import Carmichael
from newral_kernels.carmichael_cell import Cell, is_admissible
from newral_kernels.carmichael_preproducts import PreproductRange
from newral_kernels.errors import ParamsError, UnitError
from newral_kernels.primality import is_prime_below_2_64
from newral_kernels.sieve import primes_below

CARMICHAEL = Carmichael()
BOUND = 10**24


def ignore(_: object) -> None:
    """Neither progress nor checkpoints matter to the test."""


def run(unit: dict[str, Any]) -> dict[str, Any]:
    return CARMICHAEL.run(unit, progress=ignore, checkpoint=ignore)


def listed(part: PreproductRange | Cell) -> list[tuple[int, ...]]:
    return [tuple(item["factors"]) for item in run(part.to_unit())["items"]]


def factored(number: int) -> tuple[int, ...]:
    factors = []
    for p in primes_below(math.isqrt(number) + 1):
        while number % p == 0:
            factors.append(p)
            number //= p
    return (*factors, number) if number > 1 else tuple(factors)


def by_definition(factors: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """All numbers with these primes and two larger ones, from C and D: nothing is factored.

    With D = (Pq − 1)/(r − 1) and C = (Pr − 1)/(q − 1), q = 1 + (P − 1)(P + D)/(CD − P²).
    """
    product = math.prod(factors)
    for d in range(2, product):
        c = product * product // d + 1
        while True:
            delta = c * d - product * product
            whole = (product - 1) * (product + d)
            if whole < delta * factors[-1]:
                break
            rest = (product - 1) * (product + c)
            if whole % delta == rest % delta == 0:
                q, r = whole // delta + 1, rest // delta + 1
                found = (*factors, q, r)
                n = product * q * r
                if (
                    factors[-1] < q < r
                    and all((n - 1) % (p - 1) == 0 for p in found)
                    and is_prime_below_2_64(q)
                    and is_prime_below_2_64(r)
                ):
                    yield found
            c += 1


def admissible(low: int, high: int) -> list[tuple[int, ...]]:
    return [factors for p in range(low | 1, high, 2) if is_admissible(factors := factored(p))]


@pytest.mark.parametrize(("low", "high"), [(3, 90), (4493, 4494), (1105, 1160)])
def test_all_numbers_with_small_preproducts_are_found(low: int, high: int) -> None:
    expected = [found for factors in admissible(low, high) for found in by_definition(factors)]
    assert len(expected) > 0
    whole = PreproductRange(1, 10**37, low, high)
    assert sorted(listed(whole)) == sorted(expected)
    assert all(math.prod(found) < math.prod(found[:-2]) ** 6 for found in expected)


def test_numbers_above_2_63_are_found() -> None:
    found = [math.prod(factors) for factors in listed(PreproductRange(1, BOUND, 4493, 4494))]
    assert max(found) == 4115113061864967860041 > 2**63


@pytest.mark.parametrize("prefix", [(5003,), (20011,), (101, 151), (13, 37, 61)])
def test_below_10_18_the_tabulation_finds_the_same(prefix: tuple[int, ...]) -> None:
    product, bound = math.prod(prefix), 10**18
    # Primes from the cube root on are followed by one more: the cell has no others.
    low = int((bound // product) ** (1 / 3)) + 2
    cell = Cell(1, bound, prefix, low, bound)
    same = PreproductRange(1, bound, product, product + 1)
    expected = [found for found in listed(same) if found[-2] >= low]
    assert [found for found in listed(cell) if len(found) == len(prefix) + 2] == expected
    assert expected


def test_the_bound_and_the_start_are_kept() -> None:
    everything = {math.prod(found) for found in listed(PreproductRange(1, 10**37, 3, 100))}
    bound, start = sorted(everything)[-3], sorted(everything)[2]
    kept = {math.prod(found) for found in listed(PreproductRange(start, bound, 3, 100))}
    assert kept == {n for n in everything if start <= n < bound}


def test_a_job_finds_each_number_once_however_it_is_cut() -> None:
    params = CARMICHAEL.validate({"bound": "10^24", "preproduct_below": 2000})
    units = list(CARMICHAEL.plan(params))
    assert len(units) > 5
    answer = CARMICHAEL.reduce(params, [run(unit) for unit in units])
    whole = run(PreproductRange(1, BOUND, 3, 2000).to_unit())
    assert answer["items"] == whole["items"]
    for unit in units:
        assert CARMICHAEL.check(unit, run(unit), "spot", b"seed").sound


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"bound": "10^24"}, r"bound: 10\^24 is too large; the most is 10\^18"),
        ({"bound": "10^38", "preproduct_below": 100}, r"bound: .* the most is 10\^37"),
        ({"bound": "10^24", "preproduct_below": "2^20+1"}, r"preproduct_below: .* is 2\^20"),
        ({"bound": "10^24", "preproduct_below": 3}, "preproduct_below: 3 is too small"),
    ],
)
def test_params_out_of_bounds_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        CARMICHAEL.validate(params)


@pytest.mark.parametrize(
    "change",
    [
        {"preproduct_low": "2"},
        {"preproduct_high": str(2**20 + 1)},
        {"preproduct_low": "61"},
        {"prefix": []},
        {"bound": str(10**38)},
    ],
)
def test_a_unit_that_no_plan_makes_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UnitError):
        run({**PreproductRange(1, BOUND, 3, 60).to_unit(), **change})


def test_an_item_with_a_larger_preproduct_is_refuted() -> None:
    unit = PreproductRange(1, BOUND, 3, 60).to_unit()
    result = run(unit)
    result["items"].append({"n": "509033161", "factors": [61, 1021, 8173]})
    result["items"].sort(key=lambda item: int(item["n"]))
    result["count"] += 1
    verdict = CARMICHAEL.check(unit, result)
    assert verdict.refuted
