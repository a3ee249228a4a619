"""The search for Baillie-PSW pseudoprimes: what it finds, counts, commits to and refuses."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from newral_kernels import bpsw_search
from newral_kernels.bpsw import Bpsw
from newral_kernels.bpsw_criterion import FILTER_BELOW, WITNESS_BASES
from newral_kernels.bpsw_result import Part, Range, Tally, odd_numbers, unit_result
from newral_kernels.bpsw_search import examine
from newral_kernels.commitment import LEAVES_MAX, OPENED, decode_leaves
from newral_kernels.errors import CheckpointError, ParamsError, ResultError, UnitError
from newral_kernels.primality import (
    is_bpsw_probable_prime,
    is_strong_probable_prime,
    selfridge_parameters,
    twos,
)
from newral_kernels.sieve import primes_below

# Strong pseudoprimes to base 2 without a small factor: the first ones above 1.96·10^19, from a
# table of base-2 pseudoprimes (Kehrig and Loizides).
STRONG_PSEUDOPRIMES = [19600001015246021449, 19600001346742167917, 19600001702343833137]
FERMAT_6 = 2**64 + 1  # 274177 · 67280421310721: the first odd number of all ranges here

BPSW = Bpsw()


def ignore(_: object) -> None:
    """Neither progress nor checkpoints matter to the test."""


def run(start: int, stop: int) -> tuple[dict[str, Any], dict[str, Any]]:
    unit: dict[str, Any] = {"start": str(start), "stop": str(stop)}
    return unit, BPSW.run(unit, progress=ignore, checkpoint=ignore)


def test_every_odd_number_is_counted_once() -> None:
    start, stop = 2**64, 2**64 + 70_001
    _, result = run(start, stop)
    odd = range(start + 1, stop, 2)
    filtered = [n for n in odd if any(n % p == 0 for p in primes_below(FILTER_BELOW))]
    primes = [n for n in odd if is_bpsw_probable_prime(n)]
    assert result["tested"] == len(odd)
    assert result["filtered"] == len(filtered)
    assert result["probable_primes"] == len(primes)
    assert result["psp2"] == [str(FERMAT_6)]
    assert result["hits"] == []
    assert result["composites"] == len(odd) - len(filtered) - len(primes) - 1


def examine_one(start: int, stop: int) -> Part:
    (part,) = examine([Range(start, stop)])
    return part


@pytest.mark.parametrize(
    "start", [2**64, 2**64 + 1, 2**65 - 5000, 2**96 - 5000, 2**126 - 5000, 2**127 - 10_000]
)
def test_a_part_agrees_with_testing_each_number(start: int) -> None:
    part = examine_one(start, start + 10_000)
    odd = range(start | 1, start + 10_000, 2)
    assert part.probable_primes == sum(map(is_bpsw_probable_prime, odd))
    rough = [n for n in odd if not any(n % p == 0 for p in primes_below(FILTER_BELOW))]
    assert part.filtered == len(odd) - len(rough)
    assert list(part.psp2) == [
        n for n in rough if is_strong_probable_prime(n, 2) and not is_bpsw_probable_prime(n)
    ]


def test_parts_come_out_the_same_alone_and_together() -> None:
    cuts = [2**64 - 1 + step for step in (1, 2, 3, 1000, 5000, 5001, 2**18, 2**18 + 999)]
    ranges = [Range(low, high) for low, high in itertools.pairwise(cuts)]
    together = examine(ranges)
    assert together == [examine_one(each.start, each.stop) for each in ranges]
    assert examine(ranges[::2]) == together[::2]


@pytest.mark.parametrize("n", STRONG_PSEUDOPRIMES)
def test_known_strong_pseudoprimes_are_listed(n: int) -> None:
    unit, result = run(n - 2000, n + 2000)
    assert result["psp2"] == [str(n)]
    assert BPSW.check(unit, result).sound


def lucas_values(n: int) -> tuple[int, int]:
    """V_d and V_(d+1) modulo n for P = 1/Q - 2 and Q = 1, from the definition."""
    parameters = selfridge_parameters(n)
    assert parameters is not None
    p = (pow(parameters.q, -1, n) - 2) % n
    matrix = np.array([[p, -1], [1, 0]], dtype=object)
    power = np.array([[1, 0], [0, 1]], dtype=object)
    for bit in bin((n + 1) >> twos(n + 1))[2:]:
        power = power @ power % n
        if bit == "1":
            power = power @ matrix % n
    following, this = power @ np.array([p, 2], dtype=object) % n
    return this, following


def test_a_leaf_is_over_the_residues_as_documented() -> None:
    start, stop = 2**64, 2**64 + 300
    small = primes_below(FILTER_BELOW)
    rough = [n for n in range(start + 1, stop, 2) if all(n % p for p in small)]
    strong = [n for n in rough if is_strong_probable_prime(n, 2)]
    primes = [n for n in strong if is_bpsw_probable_prime(n)]
    residues = [pow(2, -((n - 1) >> twos(n - 1)), n) for n in rough]
    residues += [value for n in strong for value in lucas_values(n)]
    residues += [pow(base, (n - 1) >> twos(n - 1), n) for base in WITNESS_BASES for n in primes]
    committed = b"".join(int(residue).to_bytes(16, "little") for residue in residues)
    assert len(strong) > len(primes) > 2
    assert examine_one(start, stop).leaf == hashlib.sha256(committed).digest()[:4]


@pytest.fixture
def lucas_test_that_passes_everything(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A control: no number is known to make a hit, so one test is disabled to see some."""
    monkeypatch.setattr(
        bpsw_search, "keep_strong_lucas", lambda _lows, _highs, index, *_: index.size
    )
    return


@pytest.mark.usefixtures("lucas_test_that_passes_everything")
def test_a_composite_that_passed_would_be_a_hit_with_witness_and_factors() -> None:
    n = STRONG_PSEUDOPRIMES[0]
    part = examine_one(n - 1000, n + 1000)
    assert part.psp2 == ()
    (hit,) = part.hits
    assert hit.n == n
    assert not is_strong_probable_prime(n, hit.witness)
    earlier = WITNESS_BASES[: WITNESS_BASES.index(hit.witness)]
    assert all(is_strong_probable_prime(n, base) for base in earlier)
    p, q = hit.factors
    assert p * q == n


@pytest.mark.usefixtures("lucas_test_that_passes_everything")
def test_a_claimed_hit_that_lucas_refutes_is_refuted() -> None:
    n = STRONG_PSEUDOPRIMES[0]
    unit, result = run(n - 1000, n + 1000)
    assert [hit["n"] for hit in result["hits"]] == [str(n)]
    verdict = BPSW.check(unit, result)
    assert verdict.refuted
    assert "no hit" in verdict.why


@pytest.mark.usefixtures("lucas_test_that_passes_everything")
@pytest.mark.parametrize(
    "factors", [[], ["3", "5"], [str(STRONG_PSEUDOPRIMES[0])], ["2"] * 65, [7]]
)
def test_a_hit_with_other_factors_is_refuted(
    factors: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    n = STRONG_PSEUDOPRIMES[0]
    unit, result = run(n - 1000, n + 1000)
    monkeypatch.setattr("newral_kernels.bpsw.is_hit", lambda _n, _witness: True)
    assert not BPSW.check(unit, result).refuted
    result["hits"][0]["factors"] = factors
    verdict = BPSW.check(unit, result)
    assert verdict.refuted
    assert "factors" in verdict.why


def test_a_consistent_lie_about_a_prime_is_refuted() -> None:
    unit, result = run(2**64, 2**64 + 2000)
    prime = next(n for n in range(2**64 + 3, 2**64 + 2000, 2) if is_bpsw_probable_prime(n))
    result["psp2"].append(str(prime))
    result["composites"] -= 1
    assert BPSW.check(unit, result).refuted


def test_an_altered_count_contradicts_the_digest() -> None:
    unit, result = run(2**64, 2**64 + 2000)
    result["probable_primes"] += 1
    result["composites"] -= 1
    verdict = BPSW.check(unit, result)
    assert verdict.refuted
    assert "digest" in verdict.why


def forged(whole: Range, result: dict[str, Any], skipped: range) -> dict[str, Any]:
    """What a provider returns who computed all leaves but some, and made everything else fit."""
    leaves = decode_leaves(
        result["leaves"], count_max=LEAVES_MAX, field="leaves", error=ResultError
    )
    for index in skipped:
        leaves[index] = bytes(4)
    psp2 = [int(n) for n in result["psp2"]]
    tally = Tally(leaves, result["filtered"], result["probable_primes"], psp2)
    return dict(unit_result(whole, tally))


def test_skipped_leaves_pass_quick_checks_and_hardly_any_spot_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("newral_kernels.bpsw_result.LEAF_WIDTH_MIN", 256)
    whole = Range(2**64, 2**64 + 200 * 256)
    unit, result = run(whole.start, whole.stop)
    lazy = forged(whole, result, range(20, 40))
    assert BPSW.check(unit, lazy, "quick") == BPSW.check(unit, result, "quick")
    verdicts = [BPSW.check(unit, lazy, "spot", bytes([seed])) for seed in range(12)]
    assert all(verdict.refuted for verdict in verdicts)
    one = forged(whole, result, range(50, 51))
    verdicts = [BPSW.check(unit, one, "spot", bytes([seed])) for seed in range(12)]
    assert {verdict.sound for verdict in verdicts} == {True, False}


@pytest.mark.parametrize("filtered", [0, 12_000])
def test_counts_that_the_opened_leaves_exclude_are_refuted(
    monkeypatch: pytest.MonkeyPatch, filtered: int
) -> None:
    monkeypatch.setattr("newral_kernels.bpsw_result.LEAF_WIDTH_MIN", 256)
    whole = Range(2**64, 2**64 + 100 * 256)
    unit, result = run(whole.start, whole.stop)
    lie = forged(whole, {**result, "filtered": filtered}, range(0))
    assert BPSW.check(unit, lie, "quick").sound
    assert BPSW.check(unit, lie, "spot", b"beacon").refuted


def test_a_spot_check_says_what_share_it_did_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newral_kernels.bpsw_result.LEAF_WIDTH_MIN", 256)
    unit, result = run(2**64, 2**64 + 100 * 256)
    verdict = BPSW.check(unit, result, "spot", b"beacon")
    assert verdict.sound
    assert not verdict.complete
    assert verdict.covered == OPENED / 100


def test_a_spot_check_of_everything_is_a_proof() -> None:
    unit, result = run(2**64, 2**64 + 2000)
    assert BPSW.check(unit, result, "spot").proved
    whole = Range(2**64, 2**64 + 2000)
    lie = forged(whole, {**result, "filtered": result["filtered"] + 1}, range(0))
    assert BPSW.check(unit, lie, "quick").sound
    assert BPSW.check(unit, lie, "spot").refuted


def test_a_checkpoint_of_another_unit_is_refused() -> None:
    states: list[Any] = []
    unit = {"start": str(2**64), "stop": str(2**64 + 2**15)}
    BPSW.run(unit, progress=ignore, checkpoint=states.append)
    shorter = {"start": str(2**64), "stop": str(2**64 + 2000)}
    with pytest.raises(CheckpointError, match="leaves"):
        BPSW.run(shorter, progress=ignore, checkpoint=ignore, resume=states[-1])


def test_reduced_ranges_join_where_they_touch() -> None:
    cuts = [2**64, 2**64 + 500, 2**64 + 1001, 2**64 + 3000]
    parts = [run(low, high)[1] for low, high in itertools.pairwise(cuts)]
    outer = BPSW.reduce({}, [parts[2], parts[0]])
    assert outer["ranges"] == [
        [str(cuts[0]), str(cuts[1])],
        [str(cuts[2]), str(cuts[3])],
    ]
    whole = BPSW.reduce({}, [outer, parts[1]])
    assert whole["ranges"] == [[str(cuts[0]), str(cuts[3])]]
    assert whole["tested"] == odd_numbers(cuts[0], cuts[3])
    assert "leaves" not in whole


def test_digests_are_added_modulo_2_256() -> None:
    parts = [run(2**64 + start, 2**64 + start + 100)[1] for start in (0, 100)]
    digests = [int(part["digest"], 16) for part in parts]
    assert int(BPSW.reduce({}, parts)["digest"], 16) == sum(digests) % 2**256  # type: ignore[call-overload]
    largest = [{**part, "digest": "f" * 64} for part in parts]
    assert BPSW.reduce({}, largest)["digest"] == "f" * 63 + "e"


def test_a_part_is_not_added_twice() -> None:
    _, result = run(2**64, 2**64 + 500)
    with pytest.raises(ResultError, match="covered twice"):
        BPSW.reduce({}, [result, result])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"start": "2^64"}, "stop: params lacks it"),
        ({"start": "2^64-1", "stop": "2^65"}, r"start: .* is too small; the least is 2\^64"),
        ({"start": "2^64", "stop": "2^64"}, "stop: .* is too small"),
        ({"start": "2^64", "stop": "2^64+10^15+1"}, "stop: .* is too large"),
        ({"start": "2^127-1", "stop": "2^127+1"}, r"stop: .* is too large; the most is 2\^127"),
        ({"start": "2^64", "stop": "2^65", "base": "3"}, "params has no such field"),
    ],
)
def test_params_out_of_bounds_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        BPSW.validate(params)


def test_the_widest_job_is_planned_without_listing_its_units() -> None:
    params = BPSW.validate({"start": "2^64", "stop": "2^64+10^15"})
    estimate = BPSW.estimate(params)
    last = list(BPSW.plan(params, start=estimate.units - 1))
    assert estimate.units > 5 * 10**5
    assert [unit["stop"] for unit in last] == [params["stop"]]


def test_a_unit_too_wide_to_finish_is_refused() -> None:
    with pytest.raises(UnitError, match=r"unit\.stop"):
        BPSW.cost({"start": str(2**64), "stop": str(2**64 + 2**32 + 1)})
