"""Finding prime factors."""

from __future__ import annotations

import math

import gmpy2
import pytest

from newral_kernels.errors import ParamsError, ResultError, UnitError
from newral_kernels.factoring import complete
from newral_kernels.factoring.complete import (
    COMPILED_BITS_MAX,
    is_probable_prime,
    prime_factors,
    proper_factor,
)
from newral_kernels.factoring.curves import N_BITS_MAX as CURVES_BITS_MAX
from newral_kernels.factoring.curves import factor_by_curves
from newral_kernels.factoring.ecm import ecm_factor
from newral_kernels.factoring.multiples import near_multiple_factor
from newral_kernels.factoring.p_minus_1 import p_minus_1_factor, smooth_exponent
from newral_kernels.factoring.rho import rho_factor
from newral_kernels.factoring.small_factors import TRIAL_BELOW, split_small
from newral_kernels.kernel import JSON
from newral_kernels.registry import get

P_20, P_40, P_62 = 1_048_583, 1_099_511_627_791, 4_611_686_018_427_388_039


def by_trial_division(n: int) -> list[int]:
    factors, p = [], 2
    while n > 1:
        while n % p == 0:
            factors.append(p)
            n //= p
        p += 1
    return factors


def test_small_numbers_have_the_factors_that_trial_division_finds() -> None:
    assert prime_factors(1) == ([], [])
    for n in [*range(2, 3000), *range(10**6, 10**6 + 30)]:
        assert prime_factors(n) == (by_trial_division(n), []), n


def test_trial_division_ends_at_its_bound() -> None:
    below, above = 4093, 4099
    assert below < TRIAL_BELOW < above
    assert split_small(below**2 * above * 2**5) == ([2] * 5 + [below] * 2, above)
    assert split_small(1) == ([], 1)


@pytest.mark.parametrize(
    "factors",
    [
        (P_20, P_20),
        (P_20, P_20, P_20),
        (P_40,) * 3,
        (2, 4099, P_20, P_40),
        (P_40, P_62),
        (18446744073709551557, 18446744073709551533),  # the largest two below 2^64
        (3, 7, 2**61 - 1, 2**61 - 1),
        (2,) * 127,
    ],
)
def test_products_of_primes_are_taken_apart(factors: tuple[int, ...]) -> None:
    assert all(map(gmpy2.is_prime, factors))
    assert prime_factors(math.prod(factors)) == (sorted(factors), [])


def test_what_resists_is_named() -> None:
    n = 18446744073709551557 * 18446744073709551533
    assert prime_factors(6 * n * P_62, curves_max=0)[0] == [2, 3]
    assert math.prod(prime_factors(6 * n * P_62, curves_max=0)[1]) == n * P_62
    assert proper_factor(P_20 * P_40, curves_max=0) == P_20


def test_each_method_finds_what_it_is_for() -> None:
    assert rho_factor(P_20 * P_62, 1 << 13) == P_20
    assert rho_factor(P_62 * (2**61 - 1), 1 << 8) is None
    smooth = 2 * 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23 * 29 * 37 + 1
    assert gmpy2.is_prime(smooth)
    assert p_minus_1_factor(smooth * P_62, 37) == smooth
    assert p_minus_1_factor(smooth * P_62, 36) is None
    assert smooth_exponent(10) == 2520
    found = {ecm_factor(P_40 * P_62, sigma, 300) for sigma in range(6, 30)}
    assert found - {None} == {P_40}


@pytest.mark.parametrize("bound", [60, 250, 700])
def test_compiled_curves_find_what_the_slow_ones_find(bound: int) -> None:
    assert COMPILED_BITS_MAX == CURVES_BITS_MAX
    for n in (P_20 * P_62, P_40 * P_62, P_40 * (2**61 - 1), 9_007_199_254_740_997 * P_62):
        for sigma in range(6, 16):
            assert factor_by_curves(n, [sigma], bound) == ecm_factor(n, sigma, bound), (n, sigma)


def test_compiled_curves_end_at_2_127() -> None:
    cofactor = next(q for q in range(2**127 // P_20, 0, -1) if gmpy2.is_prime(q))
    assert (cofactor + 200) * P_20 > 2**127
    assert factor_by_curves(cofactor * P_20, range(6, 22), 250) == P_20
    with pytest.raises(ValueError, match="128 bits are too many; the most is 127"):
        factor_by_curves(2**127 + 1, [6], 60)


@pytest.mark.parametrize(("a", "s", "b", "t"), [(1, 1, 2, 1), (1, -1, 3, -1), (5, 1, 31, -1)])
def test_factors_of_the_shape_of_pseudoprimes_are_found_at_once(
    a: int, s: int, b: int, t: int
) -> None:
    k = next(
        k for k in range(10**25, 10**26) if gmpy2.is_prime(a * k + s) and gmpy2.is_prime(b * k + t)
    )
    assert near_multiple_factor((a * k + s) * (b * k + t)) in (a * k + s, b * k + t)


def test_a_prime_has_no_proper_factor() -> None:
    for p in (4099, P_62, 2**127 - 1):
        assert near_multiple_factor(p) is None
        with pytest.raises(ValueError, match="probable prime"):
            proper_factor(p)


def test_a_composite_that_passes_baillie_psw_would_be_factored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    n = P_40 * P_62
    monkeypatch.setattr(complete, "is_strong_bpsw_prp", lambda _: True)
    assert not is_probable_prime(n)
    assert prime_factors(n) == ([P_40, P_62], [])
    for name in ("factor", "prime-certificate"):
        kernel, unit = get(name), {"items": [str(n)]}
        result = kernel.run(unit, progress=lambda _: None, checkpoint=lambda _: None)
        assert kernel.check(unit, result).proved


LOWEST, HIGHEST = 2, 2**128 - 1


@pytest.mark.parametrize("name", ["factor", "prime-certificate"])
@pytest.mark.parametrize(
    ("item", "wrong"),
    [
        (1, "the least is 2"),
        (0, "the least is 2"),
        (-91, "the least is 2"),
        ("2^128", "the most is"),
        (1.5, "no integer"),
        ({}, "no integer"),
        ({"m": 91}, "no integer"),
        ([91], "no integer"),
    ],
)
def test_numbers_out_of_range_are_refused_with_the_limit(name: str, item: JSON, wrong: str) -> None:
    kernel = get(name)
    assert kernel.validate({"items": [LOWEST, HIGHEST]}) == {"items": ["2", str(HIGHEST)]}
    with pytest.raises(ParamsError, match=f"items\\[1\\].*{wrong}"):
        kernel.validate({"items": [LOWEST, item]})
    with pytest.raises(UnitError):
        kernel.cost({"items": [item]})


@pytest.mark.parametrize("name", ["factor", "prime-certificate"])
def test_units_are_of_even_cost(name: str) -> None:
    kernel = get(name)
    items: list[JSON] = [str(2**127 + i) for i in range(3000)]
    costs = [kernel.cost(unit) for unit in kernel.plan(kernel.validate({"items": items}))]
    assert len(costs) > 10
    assert max(costs[:-1]) < 1.2 * min(costs[:-1])


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"n": "91", "factors": [7, 13]}, None),
        ({"n": "91", "factors": [91]}, "91: 91 is no prime"),
        ({"n": "91", "factors": [13, 7]}, "out of order"),
        ({"n": "91", "factors": [7, 11]}, "another number"),
        ({"n": "91", "factors": [1, 7, 13]}, "91: 1 is no prime"),
        ({"n": "77", "factors": [7, 11]}, "of 77"),
        ({"n": "91", "factors": [7, 13], "certificates": [{"n": "13", "steps": []}]}, "of 13"),
    ],
)
def test_false_factors_are_refuted_with_the_reason(result: JSON, reason: str | None) -> None:
    verdict = get("factor").check({"items": ["91"]}, {"count": 1, "items": [result]})
    assert verdict.proved if reason is None else verdict.refuted and reason in verdict.why


@pytest.mark.parametrize(
    ("n", "result", "reason"),
    [
        (91, {"n": "91", "factor": "7"}, None),
        (91, {"n": "91", "factor": "13"}, "the proof to be given is {'n': '91', 'factor': '7'}"),
        (91, {"n": "91", "witness": "2"}, "the proof to be given is"),
        (91, {"n": "91", "steps": []}, "91 is no prime"),
        (101, {"n": "91", "factor": "7"}, "of 91"),
        (101, {"n": "101", "factor": "7"}, "does not divide"),
        (
            18 * (2**60 + 330) + 1,
            {
                "n": str(18 * (2**60 + 330) + 1),
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
            },
            "not by N - 1",
        ),
    ],
)
def test_false_certificates_are_refuted_with_the_reason(
    n: int, result: JSON, reason: str | None
) -> None:
    kernel = get("prime-certificate")
    verdict = kernel.check({"items": [str(n)]}, {"count": 1, "items": [result]})
    assert verdict.proved if reason is None else verdict.refuted and reason in verdict.why


def test_a_result_of_too_few_numbers_is_refuted() -> None:
    kernel = get("factor")
    assert "0 items for 1 numbers" in kernel.check({"items": ["91"]}, {"count": 0, "items": []}).why
    with pytest.raises(ResultError):
        kernel.reduce({"items": ["91"]}, [{"count": 1, "items": [{}]}])
