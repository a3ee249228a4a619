"""The search of a class: how it is cut, what it answers, and which answers it does not believe."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from newral_kernels.bpsw_class import BpswClass
from newral_kernels.commitment import LEAF_BYTES, leaf, merkle_root
from newral_kernels.errors import ParamsError, UnitError
from newral_kernels.joint_search.answer import COUNTS, Answer, unit_result
from newral_kernels.joint_search.conditions import Conditions
from newral_kernels.joint_search.hit import Hit
from newral_kernels.joint_search.primes import stretch
from newral_kernels.joint_search.ringers import ringer
from newral_kernels.joint_search.task import Task
from newral_kernels.kernel import UNIT_COST_MAX_S

CLASS = BpswClass()
CONTROL: dict[str, Any] = {
    "discriminant": 5,
    "sign": 1,
    "bound": str(10**6),
    "cost_us": 1000,
    "start": 7,
    "stop": 2000,
    "most": 10**6,
    "blocks": 3,
    "parts": 2,
}


def run(unit: dict[str, Any]) -> dict[str, Any]:
    return CLASS.run(unit, progress=lambda _: None, checkpoint=lambda _: None)


def answer(**params: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    normal = CLASS.validate(params)
    units = list(CLASS.plan(normal))
    return CLASS.reduce(normal, [run(unit) for unit in units]), units


def parts_of(result: dict[str, Any]) -> tuple[list[int], list[Hit], list[bytes]]:
    """The counts, hits and leaves that a result is made of."""
    hits = [Hit.of(int(h["n"]), tuple(h["factors"]), Conditions(5, 1)) for h in result["hits"]]
    raw = base64.b64decode(result["leaves"])
    leaves = [raw[i : i + LEAF_BYTES] for i in range(0, len(raw), LEAF_BYTES)]
    return [int(result[name]) for name in COUNTS], hits, leaves


def test_a_control_finds_the_known_hits_and_says_so() -> None:
    reduced, units = answer(bound="10^8", start=7, stop="10^4", sign=1)
    assert len(units) > 1
    assert len(reduced["hits"]) == 134
    assert reduced["hits"][0]["n"] == "6601"
    assert reduced["statement"] == (
        "exactly 134 composites n <= 10^8 with (5/n) = 1 and a prime factor p, 7 <= p < 10000, "
        "are base-2 Fermat and Lucas (P = 1, Q = -1) pseudoprimes"
    )


def test_a_real_search_states_that_there_is_none() -> None:
    reduced, _ = answer(bound="10^10", start=100, stop=2000, discriminant=-7)
    assert reduced["hits"] == []
    assert reduced["statement"] == (
        "no composite n <= 10^10 with (-7/n) = -1 and a prime factor p, 100 <= p < 2000, "
        "is a base-2 Fermat and Lucas (P = 1, Q = 2) pseudoprime"
    )


def test_nothing_is_stated_while_primes_are_left_out() -> None:
    params = CLASS.validate({"bound": "10^9", "start": 7, "stop": 2000, "sign": 1})
    units = list(CLASS.plan(params))
    results = [run(unit) for unit in units]
    lists = [i for i, unit in enumerate(units) if "primes" in unit]
    assert lists
    for missing in lists:
        some = [result for i, result in enumerate(results) if i != missing]
        assert CLASS.reduce(params, some)["statement"] == ""
    assert CLASS.reduce(params, results)["statement"] != ""
    assert CLASS.reduce(params, [])["statement"] == ""


def test_a_statement_names_the_ranges_that_were_searched_and_no_more() -> None:
    params = CLASS.validate({"bound": "10^6", "start": 7, "stop": 2000})
    part = {**CONTROL, "sign": -1, "start": 7, "stop": 100}
    other = {**CONTROL, "sign": -1, "start": 500, "stop": 600}
    text = CLASS.reduce(params, [run(other), run(part)])["statement"]
    assert "a prime factor p, 7 <= p < 100 or 500 <= p < 600," in str(text)


def test_a_plan_covers_each_prime_once() -> None:
    params = CLASS.validate({"bound": "10^13", "start": 50, "stop": 30_000})
    units = [Task.read(unit) for unit in CLASS.plan(params)]
    ranges = [task for task in units if not task.primes]
    assert [task.start for task in ranges[1:]] == [task.stop for task in ranges[:-1]]
    assert (ranges[0].start, ranges[-1].stop) == (50, 30_000)
    primes = stretch(Conditions(5, -1), 50, 30_000)
    terms = primes.progressions(-1, 10**13).terms.tolist()
    [most] = {task.most for task in ranges}
    long = [p for p, n in zip(primes.primes.tolist(), terms, strict=True) if n > most]
    pieces: dict[int, list[tuple[int, int]]] = {}
    for task in units:
        for p in task.primes:
            pieces.setdefault(p, []).append((task.low, task.high))
    assert sorted(pieces) == long
    for parts in pieces.values():
        parts.sort()
        assert [low for low, _ in parts[1:]] == [high for _, high in parts[:-1]]
        assert parts[0][0] == 0


def test_a_prime_too_long_for_a_unit_is_cut() -> None:
    params = CLASS.validate({"bound": "10^14", "start": 100, "stop": 110})
    units = list(CLASS.plan(params))
    assert {tuple(unit["primes"]) for unit in units if "primes" in unit} >= {(103,)}  # type: ignore[arg-type]
    assert sum("primes" in unit for unit in units) > 20
    assert all(CLASS.cost(unit) <= 1.3 * UNIT_COST_MAX_S for unit in units)


def test_primes_far_beyond_the_cube_root_are_planned_without_a_look_at_them() -> None:
    params = CLASS.validate({"bound": "10^12", "start": 10**6, "stop": 2**32})
    estimate = CLASS.estimate(params)
    assert 30 < estimate.units < 100
    assert len(list(CLASS.plan(params, start=estimate.units - 1))) == 1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"start": 7, "stop": 100}, "bound: params lacks it"),
        ({"bound": "10^9", "start": 2, "stop": 100}, "start: 2 is too small; the least is 3"),
        ({"bound": "10^9", "start": 100, "stop": 100}, "stop: 100 is too small"),
        ({"bound": "10^9", "start": 7, "stop": "2^32+1"}, r"stop: .* the most is 2\^32"),
        ({"bound": 6, "start": 7, "stop": 9}, "bound: 6 is too small; the least is 7"),
        ({"bound": "2^64+1", "start": 8, "stop": 9}, r"bound: .* the most is 2\^64"),
        ({"bound": 100, "start": 7, "stop": 9, "discriminant": 9}, "discriminant: 9 is not poss"),
        ({"bound": 100, "start": 7, "stop": 9, "sign": 0}, "sign: 0 is not possible"),
        ({"bound": "2^64", "start": 39000, "stop": "10^9", "sign": 1}, "stop: .* cut the range"),
    ],
)
def test_params_out_of_bounds_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        CLASS.validate(params)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bound": str(7 * 2**61 + 1)}, "bound"),
        ({"stop": 7}, "stop"),
        ({"stop": 2**32 + 1}, "stop"),
        ({"blocks": 0}, "blocks"),
        ({"blocks": 1993, "parts": 3}, "parts"),
        ({"sign": True}, "sign"),
        ({"discriminant": 9}, "discriminant"),
        ({"cost_us": 0}, "cost_us"),
        ({"primes": [7]}, "low"),
    ],
)
def test_units_out_of_bounds_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UnitError, match=message):
        run({**CONTROL, **change})


@pytest.mark.parametrize("primes", [[], [9], [7, 7], [11, 7], [2], [2**32 + 15], ["7"]])
def test_lists_of_anything_but_ascending_odd_primes_are_refused(primes: list[Any]) -> None:
    unit = {k: CONTROL[k] for k in ("discriminant", "sign", "bound", "cost_us", "parts")}
    with pytest.raises(UnitError, match="primes"):
        run({**unit, "primes": primes, "low": 0, "high": 9})


def test_a_suppressed_hit_is_refuted_by_the_leaf_that_holds_it() -> None:
    result = run(CONTROL)
    task = Task.read(CONTROL)
    counts, hits, leaves = parts_of(result)
    forged = unit_result(task, Answer.of_task(task, counts, hits[1:]), leaves)
    assert CLASS.check(CONTROL, forged).sound
    verdict = CLASS.check(CONTROL, forged, "spot", b"")
    assert verdict.refuted
    assert f"{hits[0].n}, in leaf" in verdict.why


@pytest.mark.parametrize("index", range(len(COUNTS)), ids=COUNTS)
def test_a_count_that_leaves_do_not_show_is_refuted_once_all_is_computed(index: int) -> None:
    task, result = Task.read(CONTROL), run(CONTROL)
    counts, hits, leaves = parts_of(result)
    assert CLASS.check(CONTROL, result, "spot", b"seed").proved
    for more in (1, -1):
        altered = [*counts[:index], counts[index] + more, *counts[index + 1 :]]
        if min(altered) >= 0:
            said = unit_result(task, Answer.of_task(task, altered, hits), leaves)
            assert CLASS.check(CONTROL, said, "spot", b"seed").refuted


def test_a_hit_of_another_unit_is_refuted_once_all_is_computed() -> None:
    unit = {**CONTROL, "most": 100}
    task, others = Task.read(unit), parts_of(run(CONTROL))[1]
    counts, hits, leaves = parts_of(run(unit))
    foreign = next(hit for hit in others if hit not in hits)
    said = unit_result(task, Answer.of_task(task, counts, [*hits, foreign]), leaves)
    verdict = CLASS.check(unit, said, "spot", b"seed")
    assert verdict.refuted
    assert verdict.why == f"{foreign.n} is no hit of this unit"


def test_an_invented_leaf_is_refuted_when_it_is_opened() -> None:
    result = run(CONTROL)
    task = Task.read(CONTROL)
    counts, hits, leaves = parts_of(result)
    leaves[3] = leaf(b"nothing")
    forged = unit_result(task, Answer.of_task(task, counts, hits), leaves)
    assert CLASS.check(CONTROL, forged).sound
    assert "leaf 3" in CLASS.check(CONTROL, forged, "spot", b"").why
    assert CLASS.check(CONTROL, result, "spot", b"").proved


@pytest.mark.parametrize(
    ("n", "factors", "reason"),
    [
        (341, (11, 31), "does not pass both tests"),  # 2^340 ≡ 1, and U_340 is not 0
        (323, (17, 19), "does not pass both tests"),
        (6601, (7, 943), "943 is no prime"),
        (6601, (7, 23), "product"),
        (6601, (6601,), "does not belong"),
        (1207361, (449, 2689), "does not belong"),  # above the bound
    ],
)
def test_a_claimed_hit_is_tested_in_full(n: int, factors: tuple[int, ...], reason: str) -> None:
    result = run(CONTROL)
    task = Task.read(CONTROL)
    claim = Hit.of(n, factors, task.conditions)
    counts, _, leaves = parts_of(result)
    forged = unit_result(task, Answer.of_task(task, counts, [claim]), leaves)
    verdict = CLASS.check(CONTROL, forged)
    assert verdict.refuted
    assert reason in verdict.why


def test_flags_name_the_stricter_tests_that_a_hit_passes() -> None:
    hit = Hit.of(1207361, (449, 2689), Conditions(5, 1))
    assert (hit.strong, hit.strong_lucas, hit.bpsw) == (True, False, False)


def test_the_digest_covers_all_that_is_said() -> None:
    result = run(CONTROL)
    _, _, leaves = parts_of(result)
    assert result["digest"] != merkle_root(leaves)
    for name in ("primes", "inadmissible", "candidates", "left_out", "tested", "fermat"):
        assert CLASS.check(CONTROL, {**result, name: int(result[name]) + 1}).refuted
    assert CLASS.check({**CONTROL, "most": 10**5}, result).refuted


@pytest.mark.parametrize("kind", ["range", "list"])
def test_a_ringer_looks_like_its_real_unit_and_has_hits(kind: str) -> None:
    params = CLASS.validate({"bound": "10^13", "start": 2000, "stop": 30_000})
    tasks = [Task.read(unit) for unit in CLASS.plan(params)]
    real = next(task for task in tasks if bool(task.primes) == (kind == "list"))
    task = ringer(real, b"seed")
    unit, other = task.to_json(), real.to_json()
    alike = ("discriminant", "cost_us", "parts", "blocks")
    assert unit.keys() == other.keys()
    assert all(unit[name] == other[name] for name in alike if name in unit)
    assert len(task.primes) == len(real.primes)
    result = run(unit)
    assert result["hits"]
    assert CLASS.check(unit, result).sound
    assert ringer(real, b"seed") == task
    assert ringer(real, b"other") != task


def test_a_ringer_of_the_largest_primes_is_refused() -> None:
    real = Task.read(
        {**CONTROL, "sign": -1, "start": 2**32 - 500, "stop": 2**32, "bound": "9" * 15}
    )
    with pytest.raises(ValueError, match=r"too near to 2\^32"):
        ringer(real, b"")
