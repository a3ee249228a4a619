"""Tabulating Carmichael numbers: counts, units, and what a check can tell."""

from __future__ import annotations

import collections
from typing import Any

import pytest

from newral_kernels import carmichael, carmichael_search
from newral_kernels.carmichael import Carmichael
from newral_kernels.carmichael_cell import Cell, is_admissible
from newral_kernels.carmichael_plan import cut
from newral_kernels.carmichael_result import leaves_of
from newral_kernels.commitment import decode_leaves, encode_leaves, merkle_root
from newral_kernels.criterion import Factored
from newral_kernels.errors import CheckpointError, ParamsError, ResultError, UnitError

# Carmichael numbers below 10^n: R. G. E. Pinch; OEIS A055553.
COUNTS = {3: 1, 4: 7, 5: 16, 6: 43, 7: 105, 8: 255, 9: 646, 10: 1547, 11: 3605}
# Below 10^11 with 3, 4, … prime factors: R. G. E. Pinch.
COUNTS_BY_FACTORS = {3: 590, 4: 1179, 5: 1336, 6: 459, 7: 41}

CARMICHAEL = Carmichael()


def ignore(_: object) -> None:
    """Neither progress nor checkpoints matter to the test."""


def run(unit: dict[str, Any]) -> dict[str, Any]:
    return CARMICHAEL.run(unit, progress=ignore, checkpoint=ignore)


def table(**params: Any) -> dict[str, Any]:
    """The answer to a whole job."""
    valid = CARMICHAEL.validate(params)
    units = list(CARMICHAEL.plan(valid))
    results = [run(unit) for unit in units]
    assert all(CARMICHAEL.check(*each).sound for each in zip(units, results, strict=True))
    return CARMICHAEL.reduce(valid, results)


def korselt_by_definition(stop: int) -> list[tuple[int, list[int]]]:
    """Every n < stop that Korselt's criterion calls a Carmichael number, by factoring all n."""
    least_factor = list(range(stop))
    for p in range(2, int(stop**0.5) + 1):
        if least_factor[p] == p:
            for multiple in range(p * p, stop, p):
                if least_factor[multiple] == multiple:
                    least_factor[multiple] = p
    found = []
    for n in range(3, stop, 2):
        rest, factors = n, []
        while rest > 1:
            factors.append(least_factor[rest])
            rest //= least_factor[rest]
        if len(set(factors)) == len(factors) > 1 and all((n - 1) % (p - 1) == 0 for p in factors):
            found.append((n, factors))
    return found


def found_in(cell: Cell) -> list[Factored]:
    items = run(cell.to_unit())["items"]
    return [Factored(int(item["n"]), tuple(item["factors"])) for item in items]


@pytest.mark.parametrize("exponent", list(COUNTS))
def test_counts_agree_with_published_ones(exponent: int) -> None:
    assert table(bound=10**exponent)["count"] == COUNTS[exponent]


def test_counts_by_the_number_of_prime_factors_agree_with_published_ones() -> None:
    counts = collections.Counter(len(item["factors"]) for item in table(bound=10**11)["items"])
    assert counts == COUNTS_BY_FACTORS


def test_the_table_agrees_with_factoring_every_number() -> None:
    items = table(bound="10^6")["items"]
    assert [(int(item["n"]), item["factors"]) for item in items] == korselt_by_definition(10**6)


@pytest.mark.parametrize(("bound", "count"), [(561, 0), (562, 1), (1105, 1), (1106, 2), (3, 0)])
def test_the_bound_is_excluded(bound: int, count: int) -> None:
    assert table(bound=bound)["count"] == count


def test_a_start_leaves_out_what_is_below_and_is_included() -> None:
    assert [item["n"] for item in table(start=1105, bound=2466)["items"]] == [
        "1105",
        "1729",
        "2465",
    ]


@pytest.mark.parametrize("target_s", [0.0005, 0.005, 10.0])
def test_however_it_is_cut_each_number_is_found_once(target_s: float) -> None:
    cells = list(cut(Cell(1, 10**9, (), 3, 10**9), target_s))
    found = [item for cell in cells for item in found_in(cell)]
    assert len(found) == len(set(found)) == COUNTS[9]
    assert (len(cells) == 1) == (target_s == 10)


def test_large_jobs_are_cut_into_many_units_of_even_cost() -> None:
    params = CARMICHAEL.validate({"bound": "10^15"})
    costs = sorted(CARMICHAEL.cost(unit) for unit in CARMICHAEL.plan(params))
    assert 30 < len(costs) < 100
    assert costs[-1] < 2 * costs[len(costs) // 2]
    assert sum(costs[:10]) > sum(costs) / 20


def test_the_largest_jobs_are_planned_lazily() -> None:
    params = CARMICHAEL.validate({"bound": "10^16"})
    first = next(CARMICHAEL.plan(params))
    assert CARMICHAEL.cost(first) < 60


def test_more_numbers_than_there_was_room_for_are_found_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unit = Cell(1, 10**9, (), 3, 10**9).to_unit()
    expected = run(unit)
    monkeypatch.setattr(carmichael_search, "HITS_ROOM", 1)
    monkeypatch.setattr(carmichael, "STEPS", 1)
    assert run(unit) == expected
    assert expected["count"] == COUNTS[9]


def test_a_unit_of_a_large_job_lists_what_it_should() -> None:
    prefix = (7, 13)  # 7·13·19 = 1729 begins with them
    cell = Cell(1, 10**12, prefix, 17, 20)
    items = run(cell.to_unit())["items"]
    assert items[0] == {"n": "1729", "factors": [7, 13, 19]}
    assert all(item["factors"][:3] in ([7, 13, 17], [7, 13, 19]) for item in items)


@pytest.fixture
def unit_and_result() -> tuple[dict[str, Any], dict[str, Any]]:
    cell = Cell(1, 10**11, (), 17, 45)
    return cell.to_unit(), run(cell.to_unit())


def test_a_missing_number_is_plausible_until_its_part_is_searched_again(
    unit_and_result: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    unit, result = unit_and_result
    result["items"] = result["items"][::2]
    result["count"] = len(result["items"])
    quick = CARMICHAEL.check(unit, result)
    assert quick.sound
    assert quick.covered == 0
    seeds = [bytes([seed]) for seed in range(20)]
    assert any(CARMICHAEL.check(unit, result, "spot", seed).refuted for seed in seeds)


def with_leaves(result: dict[str, Any], leaves: list[bytes]) -> dict[str, Any]:
    return {**result, "leaves": encode_leaves(leaves), "digest": merkle_root(leaves)}


def test_who_skips_a_tenth_of_the_leaves_is_caught(
    unit_and_result: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    unit, result = unit_and_result
    leaves = decode_leaves(
        result["leaves"], count_max=4096, field="result.leaves", error=ResultError
    )
    assert len(leaves) > 100
    leaves[::10] = leaves_of(range(len(leaves[::10])))
    lazy = with_leaves(result, leaves)
    assert CARMICHAEL.check(unit, lazy).sound
    for seed in range(20):
        assert CARMICHAEL.check(unit, lazy, "spot", bytes([seed])).refuted


def test_too_few_leaves_are_refuted(
    unit_and_result: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    unit, result = unit_and_result
    verdict = CARMICHAEL.check(unit, with_leaves(result, [b"true"]), "spot", b"")
    assert verdict.refuted
    assert "leaves" in verdict.why
    assert CARMICHAEL.check(unit, with_leaves(result, [])).refuted


def test_a_true_result_survives_every_spot_check(
    unit_and_result: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    unit, result = unit_and_result
    for seed in range(20):
        verdict = CARMICHAEL.check(unit, result, "spot", bytes([seed]))
        assert verdict.sound
        assert 0 < verdict.covered < 0.6


def test_a_small_unit_is_proved_by_a_spot_check() -> None:
    unit = Cell(1, 10**6, (), 17, 45).to_unit()
    assert CARMICHAEL.check(unit, run(unit), "spot").proved


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"n": "561", "factors": [3, 11, 17]}, "does not belong to the unit"),
        ({"n": "46657", "factors": [13, 37, 97]}, "does not belong to the unit"),
        ({"n": "4199", "factors": [13, 17, 19]}, "does not divide"),
        ({"n": "5719", "factors": [7, 19, 43]}, "does not divide"),
        ({"n": "1729", "factors": [7, 13, 17]}, "another number"),
        ({"n": "1729", "factors": [7, 247]}, "at least 3"),
        ({"n": "8911", "factors": [1, 7, 19, 67]}, "no odd prime"),
    ],
)
def test_a_false_item_is_refuted(item: dict[str, Any], reason: str) -> None:
    unit = Cell(1, 10**9, (), 17, 45).to_unit()
    verdict = CARMICHAEL.check(unit, with_leaves({"count": 1, "items": [item]}, [b"some"]))
    assert verdict.refuted
    assert reason in verdict.why


def test_small_jobs_are_shared_too() -> None:
    params = CARMICHAEL.validate({"bound": "10^10"})
    assert CARMICHAEL.estimate(params).units >= 10


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "bound: params lacks it"),
        ({"bound": "10^18+1"}, r"bound: 1000000000000000001 is too large; the most is 10\^18"),
        ({"bound": 2}, "too small"),
        ({"bound": "1e6", "start": "1e6"}, "start: .* too large"),
        ({"bound": "1e6", "factor": 3}, "no such field"),
    ],
)
def test_params_out_of_bounds_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        CARMICHAEL.validate(params)


@pytest.mark.parametrize(
    "change",
    [
        {"prefix": [3, 7]},  # 3 divides 7 − 1
        {"prefix": [5, 3]},
        {"prefix": [9]},
        {"prefix": [5, 5]},
        {"prefix": ["5"]},
        {"prefix": [5], "low": "5"},
        {"low": "2"},
        {"high": "1000001"},
        {"bound": "0"},
        {"start": "0"},
    ],
)
def test_a_unit_that_no_plan_makes_is_refused(change: dict[str, Any]) -> None:
    unit = Cell(1, 10**6, (), 17, 45).to_unit()
    with pytest.raises(UnitError):
        run({**unit, **change})


def test_a_foreign_checkpoint_is_refused() -> None:
    unit = Cell(1, 10**6, (), 17, 45).to_unit()
    with pytest.raises(CheckpointError):
        CARMICHAEL.run(unit, progress=ignore, checkpoint=ignore, resume={"groups": -1})


@pytest.mark.parametrize(
    "change", [{"groups": 10**9}, {"sums": "AAAA"}, {"sums": "é"}, {"items": 0}]
)
def test_an_altered_checkpoint_is_refused(change: dict[str, Any]) -> None:
    unit = Cell(1, 10**6, (), 17, 45).to_unit()
    states: list[Any] = []
    CARMICHAEL.run(unit, progress=ignore, checkpoint=states.append)
    with pytest.raises(CheckpointError):
        CARMICHAEL.run(unit, progress=ignore, checkpoint=ignore, resume={**states[0], **change})


def test_admissible_primes_do_not_divide_each_other_less_one() -> None:
    assert is_admissible((3, 5, 17))
    assert not is_admissible((3, 7))
    assert not is_admissible((5, 3))
    assert is_admissible(())
