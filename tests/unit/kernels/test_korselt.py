"""Proving Carmichael numbers from their factors, and merging tables of them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from newral_kernels.carmichael_merge import CarmichaelMerge
from newral_kernels.certificates.n_minus_1 import prove_by_n_minus_1
from newral_kernels.criterion import Factored, korselt_violation
from newral_kernels.errors import ParamsError, ResultError
from newral_kernels.korselt import UNIT_CHARS_MAX, UNIT_ITEMS_MAX, Korselt

KORSELT = Korselt()
MERGE = CarmichaelMerge()

SMALL = [
    {"n": "561", "factors": [3, 11, 17]},
    {"n": "1105", "factors": [5, 13, 17]},
    {"n": "1729", "factors": [7, 13, 19]},
]


def ignore(_: object) -> None:
    """Neither progress nor checkpoints matter to the test."""


def prove(items: list[dict[str, Any]]) -> dict[str, Any]:
    params = KORSELT.validate({"items": items})
    parts = [KORSELT.run(unit, progress=ignore, checkpoint=ignore) for unit in KORSELT.plan(params)]
    return KORSELT.reduce(params, parts)


def merge(bound: object, items: list[dict[str, Any]]) -> dict[str, Any]:
    params = MERGE.validate({"bound": bound, "items": items})
    [unit] = MERGE.plan(params)
    return MERGE.run(unit, progress=ignore, checkpoint=ignore)


def test_true_claims_are_kept_in_order() -> None:
    assert prove(SMALL[::-1]) == {"checked": 3, "items": SMALL, "rejected": []}


def test_a_claim_made_twice_is_listed_once() -> None:
    assert prove([*SMALL, SMALL[0]]) == {"checked": 4, "items": SMALL, "rejected": []}


@pytest.mark.parametrize(
    ("n", "factors", "reason"),
    [
        (561, (3, 187), "at least 3"),
        (561, (), "at least 3"),
        (562, (3, 11, 17), "another number"),
        (3 * 3 * 11, (3, 3, 11), "divides it twice"),
        (105, (3, 5, 7), "7 - 1 does not divide"),
        (2 * 3 * 7, (2, 3, 7), "2 is no odd prime"),
        (561, (1, 3, 11, 17), "1 is no odd prime"),
        (3 * 5 * 15, (3, 5, 15), "15 is no prime"),
        (5 * 7 * 35, (5, 7, 35), "35 is no prime"),
    ],
)
def test_false_claims_are_rejected_with_the_reason(
    n: int, factors: tuple[int, ...], reason: str
) -> None:
    violation = korselt_violation(Factored(n, factors))
    assert violation is not None
    assert reason in violation
    assert prove([{"n": str(n), "factors": list(factors)}]) == {
        "checked": 1,
        "items": [],
        "rejected": [{"n": str(n), "reason": violation}],
    }


# (6k+1)(12k+1)(18k+1) with three primes is a Carmichael number (Chernick 1939).
LARGEST_PROVABLE_K = 2**59 + 5672  # its primes are below 2^64
CERTIFIED_K = 2**60 + 330  # its largest prime is not


BY_CURVES = {  # made by PARI
    "n": "20752587082923251509",
    "steps": [
        {
            "trace": "-49372858",
            "cofactor": "649671024",
            "a": "0",
            "b": "1",
            "x": "13282407956253574712",
            "y": "4929340527685973611",
        }
    ],
}


def chernick(k: int) -> Factored:
    factors = (6 * k + 1, 12 * k + 1, 18 * k + 1)
    return Factored(math.prod(factors), factors)


def test_large_numbers_with_provable_factors_are_kept() -> None:
    claim = chernick(LARGEST_PROVABLE_K)
    assert prove([claim.to_json()])["items"] == [claim.to_json()]


def certified(k: int) -> dict[str, Any]:
    claim = chernick(k)
    large = [p for p in claim.factors if p >= 2**64]
    return Factored(claim.n, claim.factors, tuple(map(prove_by_n_minus_1, large))).to_json()


def test_factors_of_2_64_or_more_are_proved_by_certificates() -> None:
    claim = certified(CERTIFIED_K)
    assert [proof["n"] for proof in claim["certificates"]] == [str(18 * CERTIFIED_K + 1)]
    assert prove([claim]) == {"checked": 1, "items": [claim], "rejected": []}


def test_certificates_by_elliptic_curves_are_taken_as_well() -> None:
    claim = certified(CERTIFIED_K)
    claim["certificates"] = [BY_CURVES]
    assert prove([claim])["items"] == [claim]
    both = [claim, certified(CERTIFIED_K)]
    kept = prove(both)["items"]
    assert len(kept) == 1
    assert prove(both[::-1])["items"] == kept


@pytest.mark.parametrize(
    ("certificates", "reason"),
    [
        (None, "is not below 2^64 and has no certificate"),
        ([{"n": "20752587082923251509", "steps": []}], "does not prove it prime"),
        (
            [{"n": "20752587082923251509", "steps": [{"base": 3, "primes": [2]}]}],
            "does not prove it prime",
        ),
        ([{"n": "6917529027641083837", "steps": []}], "has no certificate"),
        (
            [{"n": "101", "steps": []}, certified(CERTIFIED_K)["certificates"][0]],
            "there is a certificate of 101, which is no factor from 2^64 on",
        ),
    ],
)
def test_certificates_have_to_be_those_of_the_large_factors(
    certificates: list[Any] | None, reason: str
) -> None:
    claim = chernick(CERTIFIED_K).to_json()
    if certificates is not None:
        claim["certificates"] = certificates
    answer = prove([claim])
    assert answer["items"] == []
    assert reason in answer["rejected"][0]["reason"]


def test_a_table_has_no_certificates() -> None:
    claim = certified(CERTIFIED_K)
    [row] = merge("10^60", [claim])["items"]
    assert row == {"n": claim["n"], "factors": claim["factors"]}


@pytest.mark.parametrize(
    "items",
    [
        "561",
        [561],
        [{"n": "561"}],
        [{"n": 561, "factors": [3, 11, 17]}],
        [{"n": "561", "factors": ["3", 11, 17]}],
        [{"n": "561", "factors": [17, 11, 3]}],
        [{"n": "561", "factors": [3.0, 11, 17]}],
        [{"n": "561", "factors": [3] * 65}],
        [{"n": "561", "factors": [3, 11, 17], "proof": "trust me"}],
        [{"n": "1" + "0" * 101, "factors": [3, 11, 17]}],
        [{"n": "561", "factors": [3, 11, 17], "certificates": []}],
        [{"n": "561", "factors": [3, 11, 17], "certificates": None}],
        [{"n": "561", "factors": [3, 11, 17], "certificates": [{"n": "15", "factor": "3"}]}],
        [{"n": "561", "factors": [3, 11, 17], "certificates": [{"n": "17", "steps": []}] * 2}],
        [{"n": "561", "factors": [3, 11, 17], "certificates": [{"n": "17", "steps": []}] * 6}],
        [{"n": "561", "factors": [3, 11, 17], "certificates": [{"n": "17", "steps": [{}]}]}],
    ],
)
def test_malformed_claims_are_refused_by_position(items: object) -> None:
    with pytest.raises(ParamsError, match="items"):
        KORSELT.validate({"items": items})  # type: ignore[dict-item]


def test_units_are_bounded_in_number_and_size() -> None:
    large = {"n": "9" * 100, "factors": list(range(10**15, 10**15 + 60))}
    params = KORSELT.validate({"items": [*(SMALL * 400), *([large] * 100)]})
    units = list(KORSELT.plan(params))
    sizes = [len(unit["items"]) for unit in units]
    assert max(sizes) <= UNIT_ITEMS_MAX
    assert sum(sizes) == 1300
    assert all(len(str(unit["items"])) < 1.5 * UNIT_CHARS_MAX for unit in units)


def test_no_claims_make_no_units() -> None:
    assert prove([]) == {"checked": 0, "items": [], "rejected": []}


def test_a_merged_table_is_sorted_counted_and_unique() -> None:
    assert merge("10^4", [*SMALL[::-1], SMALL[1]]) == {
        "count": 3,
        "by_magnitude": {"10^3": 1, "10^4": 3},
        "items": SMALL,
    }


@pytest.mark.parametrize(
    ("bound", "magnitudes"), [(999, []), (1000, ["10^3"]), (99999, ["10^3", "10^4"])]
)
def test_magnitudes_end_at_the_bound(bound: int, magnitudes: list[str]) -> None:
    assert list(merge(bound, SMALL[:1])["by_magnitude"]) == magnitudes


def test_a_number_from_the_bound_on_is_refused() -> None:
    with pytest.raises(ParamsError, match="1729 is not below the bound"):
        MERGE.validate({"bound": 1729, "items": SMALL})  # type: ignore[dict-item]


def test_two_factorisations_of_one_number_merge_the_same_in_any_order() -> None:
    other = {"n": "561", "factors": [3, 187]}
    assert merge("10^3", [SMALL[0], other]) == merge("10^3", [other, SMALL[0]])


def test_a_table_of_100_000_numbers_is_merged() -> None:
    items = [{"n": str(n), "factors": [3, 5, 7]} for n in range(10**9, 10**9 + 10**5)]
    assert merge("10^10", items[::-1])["count"] == 10**5


def test_malformed_parts_are_not_merged() -> None:
    with pytest.raises(ResultError):
        MERGE.reduce({"bound": "1000"}, [{"items": []}])
