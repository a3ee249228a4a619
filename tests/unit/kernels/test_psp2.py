"""Listing base-2 pseudoprimes: against brute force, published counts and lists, and the bounds."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from newral_kernels.errors import CheckpointError, ParamsError, UnitError
from newral_kernels.primality import is_fermat_probable_prime, is_prime_below_2_64
from newral_kernels.psp2 import Psp2
from newral_kernels.psp2_domain import Domain, Factors
from newral_kernels.psp2_plan import cost, cut

PSP2 = Psp2()
LISTED = Path(__file__).parents[2] / "data" / "psp2_beyond_2_64.txt"

# J. Feitsma's tables (2013): base-2 pseudoprimes below 10^k by number of prime factors.
BY_FACTORS = {
    6: {2: 107, 3: 89, 4: 48, 5: 1},
    8: {2: 882, 3: 485, 4: 563, 5: 124, 6: 3},
}

# From lists by Kehrig and Loizides, with small p.
BEYOND_2_64 = [
    (19602516853005131569, (41519, 6850471, 68919881)),
    (19600778835484791751, (43951, 879001, 507358801)),
    (19601839228657360151, (131111, 149505680138641)),
    (19609458228094688101, (119953, 4698121, 34796077)),
    (19600221793271563753, (104743, 605177, 309210023)),
    (19605036372307245991, (46703, 2942227, 142674611)),
]


def ignore(_: object) -> None:
    """Neither progress nor checkpoints matter to the test."""


def run(unit: dict[str, Any]) -> dict[str, Any]:
    return PSP2.run(unit, progress=ignore, checkpoint=ignore)


def search(start: int, stop: int, low: int, high: int, factors: Factors = "any") -> dict[str, Any]:
    """The result of one unit."""
    return run(Domain(start, stop, low, high, factors).to_unit())


def answer(**params: Any) -> dict[str, Any]:
    """The answer to a whole job."""
    valid = PSP2.validate(params)
    return PSP2.reduce(valid, [run(unit) for unit in PSP2.plan(valid)])


def items_of(result: dict[str, Any]) -> list[tuple[int, tuple[int, ...]]]:
    return [(int(item["n"]), tuple(map(int, item["factors"]))) for item in result["items"]]


def least_factor(n: int) -> int:
    return next((p for p in range(3, int(n**0.5) + 1, 2) if n % p == 0), n)


def by_definition(start: int, stop: int, rough: int) -> list[int]:
    odd = range(start | 1, stop, 2)
    passing = [n for n in odd if is_fermat_probable_prime(n, 2) and not is_prime_below_2_64(n)]
    return [n for n in passing if least_factor(n) >= rough and n > 1]


@pytest.mark.parametrize("exponent", list(BY_FACTORS))
def test_counts_by_factors_agree_with_published_ones(exponent: int) -> None:
    found = answer(start=1, stop=10**exponent, rough=3)
    assert found["by_factors"] == {str(k): v for k, v in BY_FACTORS[exponent].items()}
    assert found["count"] == sum(BY_FACTORS[exponent].values())
    assert found["hits"] == []


@pytest.mark.parametrize(
    ("start", "stop", "rough"),
    [
        (1, 342, 3),
        (341, 342, 11),
        (342, 50_000, 3),
        (1, 10**5, 17),
        (1_194_000, 1_195_000, 1000),  # 1093², the least square
        (2 * 10**9, 2 * 10**9 + 20_000, 5),
        (10**12 + 1, 10**12 + 20_001, 7),
    ],
)
def test_a_range_agrees_with_testing_every_number(start: int, stop: int, rough: int) -> None:
    found = answer(start=start, stop=stop, rough=rough)
    assert [n for n, _ in items_of(found)] == by_definition(start, stop, rough)


def test_squares_of_wieferich_primes_are_found() -> None:
    found = answer(start="1_194_649", stop="1_194_650", rough=1000)
    assert items_of(found) == [(1_194_649, (1093, 1093))]
    assert items_of(search(12_327_121, 12_327_122, 3500, 3512)) == [(12_327_121, (3511, 3511))]


@pytest.mark.parametrize(("n", "factors"), BEYOND_2_64)
def test_numbers_beyond_2_64_are_found(n: int, factors: tuple[int, ...]) -> None:
    width, p = 4 * 10**12, factors[0]
    result = search(n - width, n + width, p - 20, p + 20)
    assert Domain(n - width, n + width, p - 20, p + 20).by_terms
    assert (n, factors) in items_of(result)


def test_a_published_list_is_reproduced() -> None:
    lines = [line.split() for line in LISTED.read_text().splitlines() if line[0] != "#"]
    listed = [(int(n), tuple(map(int, factors))) for n, *factors in lines]
    result = search(196 * 10**17, 1961 * 10**16, 31307 * 10**5, 313074 * 10**4)
    assert items_of(result) == listed
    assert len(listed) > 20


@pytest.mark.parametrize(
    ("start", "stop", "low", "high"),
    [
        (1, 10**6, 3, 1000),
        (10**6, 10**7, 5, 300),
        (1_000_000, 1_500_000, 1093, 1094),
        (10**15, 10**15 + 10**11, 300, 500),
    ],
)
def test_two_and_more_prime_factors_make_up_all(start: int, stop: int, low: int, high: int) -> None:
    every = items_of(search(start, stop, low, high))
    assert items_of(search(start, stop, low, high, "two")) == [
        item for item in every if len(item[1]) == 2
    ]
    assert items_of(search(start, stop, low, high, "more")) == [
        item for item in every if len(item[1]) > 2
    ]
    assert every or start == 10**15


@pytest.mark.parametrize(("n", "factors"), BEYOND_2_64)
def test_numbers_beyond_2_64_are_found_by_the_number_of_factors(
    n: int, factors: tuple[int, ...]
) -> None:
    p = factors[0]
    sort: Factors = "two" if len(factors) == 2 else "more"
    assert (n, factors) in items_of(search(n - 10**11, n + 10**11, p, p + 1, sort))


def test_the_bounds_of_a_unit_are_sharp() -> None:
    n, (p, _) = 341, (11, 31)
    assert items_of(search(n, n + 1, p, p + 1)) == [(341, (11, 31))]
    for start, stop, low, high in [(1, n, p, p + 1), (n + 1, 400, p, p + 1)]:
        assert search(start, stop, low, high)["count"] == 0
    assert search(n, n + 1, p + 1, 32)["count"] == 0
    assert search(n, n + 1, 3, p)["count"] == 0


@pytest.mark.parametrize("target_s", [0.003, 0.01, 10.0])
def test_however_it_is_cut_each_number_is_found_once(target_s: float) -> None:
    whole = Domain(10**6, 10**7, 3, 3163)
    parts = [part.slice(index) for part in cut(whole, target_s) for index in range(part.count)]
    found = sorted(item for part in parts for item in items_of(run(part.to_unit())))
    assert len(parts) > 3 or target_s == 10
    assert len(found) == 750 - 245
    assert found == items_of(search(10**6, 10**7, 3, 3163))


def test_a_job_of_millions_of_units_is_estimated_and_entered_anywhere_at_once() -> None:
    valid = PSP2.validate({"start": 10**18, "stop": 2 * 10**18, "rough": 3})
    units = PSP2.estimate(valid).units
    assert units > 10**6
    last = list(PSP2.plan(valid, units - 1))
    assert len(last) == 1
    assert next(PSP2.plan(valid, 10**6)) != next(PSP2.plan(valid, 10**6 + 1))


def test_units_of_a_real_job_cost_nearly_the_same() -> None:
    valid = PSP2.validate({"start": 196 * 10**17, "stop": "196e17+10^15"})
    costs = [PSP2.cost(unit) for unit in PSP2.plan(valid)]
    aim = sum(costs) / len(costs)
    assert len(costs) > 30
    # Single intervals of p are not joined to others of another sort.
    assert sum(0.6 * aim < each < 1.4 * aim for each in costs) >= len(costs) - 5
    assert PSP2.estimate(valid).cost_s == pytest.approx(sum(costs))


def test_units_cover_every_p_of_every_n_once() -> None:
    valid = PSP2.validate({"start": 196 * 10**17, "stop": "196e17+10^15", "rough": 39000})
    domains = [Domain.of_unit(unit) for unit in PSP2.plan(valid)]
    areas: Counter[tuple[int, int]] = Counter()
    for domain in domains:
        areas[domain.low, domain.high] += domain.width
    assert set(areas.values()) == {10**15}
    spans = sorted(areas)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
    assert spans[0][0] == 39000
    assert (spans[-1][1] - 1) ** 2 < 196 * 10**17 + 10**15 <= spans[-1][1] ** 2


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"start": 0, "stop": 10}, "start"),
        ({"start": -5, "stop": 10**12}, "start"),
        ({"start": 10**12, "stop": 10**12}, "stop"),
        ({"start": 10**12, "stop": 10**11}, "stop"),
        ({"start": 1, "stop": 39000**2}, "stop"),  # the least n with two factors is not below it
        ({"start": 1, "stop": "10^18+2"}, "stop"),
        ({"start": "2^66-10", "stop": "2^66+1"}, "stop"),
        ({"start": "2^66", "stop": "2^66+1"}, "start"),
        ({"start": "3*2^63", "stop": "2^66"}, "start"),
        ({"start": "2^64+2^63", "stop": "2^64+2^63+1", "rough": 3}, "start"),
        ({"start": 1, "stop": 1000, "rough": 2}, "rough"),
        ({"start": 1, "stop": "10^14", "rough": "10^6+1"}, "rough"),
        ({"start": 1, "stop": 1000, "rough": 3, "x": 1}, "'x'"),
        ({"start": 1.5, "stop": 1000}, "start"),
    ],
)
def test_bad_params_are_refused_by_name(params: dict[str, Any], field: str) -> None:
    with pytest.raises(ParamsError) as refusal:
        PSP2.validate(params)
    assert refusal.value.field == field


def test_the_largest_numbers_are_searched() -> None:
    # Cofactors just below 2^63 at p = 3, and n just below 2^66 at the largest p.
    stop = 3 * 2**63
    tested = range(stop - 2001, stop, 2)
    passing = [n for n in tested if n % 3 == 0 and is_fermat_probable_prime(n, 2)]
    assert [n for n, _ in items_of(search(stop - 2001, stop, 3, 4))] == passing
    assert search(2**66 - 10**6, 2**66, 2**33 - 3000, 2**33)["count"] == 0
    with pytest.raises(UnitError, match="stop"):
        PSP2.run(Domain(stop - 2000, stop + 1, 3, 4).to_unit(), progress=ignore, checkpoint=ignore)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", "0"),
        ("stop", "1"),
        ("stop", str(2**66 + 1)),
        ("low", "2"),
        ("high", "3"),
        ("high", str(2**33 + 1)),
        ("high", 100),
        ("low", None),
    ],
)
def test_bad_units_are_refused(field: str, value: object) -> None:
    unit = Domain(1, 10**6, 3, 1000).to_unit()
    with pytest.raises(UnitError):
        PSP2.cost({**unit, field: value})


UNIT = Domain(1, 10**6, 3, 1000).to_unit()


def altered(**members: Any) -> dict[str, Any]:
    return {**run(UNIT), **members}


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ({"n": "341", "factors": [341]}, "at least 2"),
        ({"n": "343", "factors": [11, 31]}, "another number"),
        ({"n": "1105", "factors": [5, 221]}, "221 is no prime"),
        ({"n": "15", "factors": [3, 5]}, "not 1 modulo n"),
        ({"n": "1194649", "factors": [1093, 1093]}, "does not belong"),
        ({"n": "33", "factors": [1, 33]}, "no odd prime"),
        (
            {"n": "341", "factors": [11, 31], "certificates": [{"n": "11", "steps": []}]},
            "need none",
        ),
    ],
)
def test_a_wrong_item_is_refuted_with_the_reason(item: dict[str, Any], why: str) -> None:
    verdict = PSP2.check(UNIT, altered(items=[item], count=1))
    assert verdict.refuted
    assert why in verdict.why


def test_invented_hits_and_other_units_leaves_are_refuted() -> None:
    hit = {"n": "341", "lucas": ["strong"]}
    assert PSP2.check(UNIT, altered(hits=[hit])).refuted
    other = run(Domain(1, 10**9, 11, 14).to_unit())
    verdict = PSP2.check(UNIT, altered(leaves=other["leaves"], digest=other["digest"]))
    assert "leaves" in verdict.why


def test_a_spot_check_of_all_leaves_is_a_proof_and_sees_a_missing_number() -> None:
    true = run(UNIT)
    assert PSP2.check(UNIT, true, "spot", b"seed").proved
    fewer = {**true, "items": true["items"][1:], "count": true["count"] - 1}
    verdict = PSP2.check(UNIT, fewer, "spot", b"seed")
    assert verdict.refuted
    assert "341" in verdict.why


def test_a_spot_check_opens_some_leaves_and_sees_false_ones() -> None:
    domain = Domain(10**15, 10**15 + 10**11, 1000, 1030)
    assert domain.by_terms
    assert domain.leaves > 100
    unit = domain.to_unit()
    true = run(unit)
    verdict = PSP2.check(unit, true, "spot", b"seed")
    assert not verdict.refuted
    assert verdict.covered == pytest.approx(66 / domain.leaves)
    shifted = run(Domain(10**15 + 10**9, 10**15 + 10**11 + 10**9, 1000, 1030).to_unit())
    lazy = {**true, "leaves": shifted["leaves"], "digest": shifted["digest"]}
    assert not PSP2.check(unit, lazy).refuted
    assert PSP2.check(unit, lazy, "spot", b"seed").refuted


def test_a_checkpoint_of_another_unit_is_refused() -> None:
    with pytest.raises(CheckpointError):
        PSP2.run(
            UNIT, progress=ignore, checkpoint=ignore, resume={"leaves": "AAAAAAAAAAA=", "items": []}
        )


def test_answers_add_up_and_nothing_is_the_identity() -> None:
    valid = PSP2.validate({"start": 1, "stop": 10**6, "rough": 3})
    parts = [run(unit) for unit in PSP2.plan(valid)]
    whole = PSP2.reduce(valid, parts)
    assert whole["units"] == len(parts)
    assert PSP2.reduce(valid, [PSP2.reduce(valid, parts[:1]), *parts[1:]]) == whole
    nothing = PSP2.reduce(valid, [])
    assert nothing["count"] == nothing["units"] == 0
    assert PSP2.reduce(valid, [nothing, whole]) == whole


def test_narrow_units_are_not_dear() -> None:
    assert cost(Domain(1, 10**4, 3, 100)) < 0.01
