"""The search for Baillie-PSW pseudoprimes: what it finds, counts, commits to and refuses."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from newral_kernels import bpsw_blocks
from newral_kernels.bpsw import Bpsw
from newral_kernels.bpsw_blocks import FILTER_BELOW, WITNESS_BASES, examine, odd_numbers
from newral_kernels.bpsw_result import Range, Tally, unit_result
from newral_kernels.errors import ParamsError, ResultError, UnitError
from newral_kernels.primality import (
    is_bpsw_probable_prime,
    is_strong_probable_prime,
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


@pytest.mark.parametrize("start", [13, 10**6, 2**32 - 5000, 2**63 - 5000, 2**127])
def test_a_block_agrees_with_testing_each_number(start: int) -> None:
    block = examine(start, start + 10_000)
    odd = range(start | 1, start + 10_000, 2)
    assert block.probable_primes == sum(map(is_bpsw_probable_prime, odd))
    rough = [n for n in odd if not any(n % p == 0 for p in primes_below(FILTER_BELOW) if p < n)]
    assert block.filtered == len(odd) - len(rough)
    assert list(block.psp2) == [
        n for n in rough if is_strong_probable_prime(n, 2) and not is_bpsw_probable_prime(n)
    ]


@pytest.mark.parametrize("n", STRONG_PSEUDOPRIMES)
def test_known_strong_pseudoprimes_are_listed(n: int) -> None:
    unit, result = run(n - 2000, n + 2000)
    assert result["psp2"] == [str(n)]
    assert BPSW.check(unit, result).sound


def test_the_digest_is_over_the_residues_as_documented() -> None:
    n = next(n for n in range(2**64 + 13, 2**65, 2) if is_bpsw_probable_prime(n))
    d_minus, d_plus = n - 1, n + 1
    while d_minus % 2 == 0:
        d_minus //= 2
    while d_plus % 2 == 0:
        d_plus //= 2
    lucas = bpsw_blocks.strong_lucas_residues(n)
    assert lucas is not None
    residues = [pow(2, d_minus, n), lucas.u, lucas.v]
    residues += [pow(base, d_minus, n) for base in WITNESS_BASES]
    committed = b"".join(int(residue).to_bytes(16, "big") for residue in residues)
    assert examine(n, n + 1).digest == hashlib.sha256(committed).hexdigest()[:32]


@pytest.fixture
def lucas_test_that_passes_everything(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A control: no number is known to make a hit, so one test is disabled to see some."""
    monkeypatch.setattr(bpsw_blocks, "strong_lucas_residues_pass", lambda _n, _residues: True)
    return


@pytest.mark.usefixtures("lucas_test_that_passes_everything")
def test_a_composite_that_passed_would_be_a_hit_with_its_witness() -> None:
    n = STRONG_PSEUDOPRIMES[0]
    block = examine(n - 1000, n + 1000)
    assert block.psp2 == ()
    [(hit, witness)] = block.hits
    assert hit == n
    assert not is_strong_probable_prime(n, witness)
    earlier = WITNESS_BASES[: WITNESS_BASES.index(witness)]
    assert all(is_strong_probable_prime(n, base) for base in earlier)


@pytest.mark.usefixtures("lucas_test_that_passes_everything")
def test_a_claimed_hit_that_lucas_refutes_is_refuted() -> None:
    n = STRONG_PSEUDOPRIMES[0]
    unit, result = run(n - 1000, n + 1000)
    assert [hit["n"] for hit in result["hits"]] == [str(n)]
    verdict = BPSW.check(unit, result)
    assert verdict.refuted
    assert "no hit" in verdict.why


def test_a_consistent_lie_about_a_prime_is_refuted() -> None:
    unit, result = run(2**64, 2**64 + 2000)
    prime = next(n for n in range(2**64 + 3, 2**64 + 2000, 2) if is_bpsw_probable_prime(n))
    result["psp2"].append(str(prime))
    result["composites"] -= 1
    assert BPSW.check(unit, result).refuted


def test_a_skipped_block_passes_quick_checks_and_fails_some_spot_checks() -> None:
    whole = Range(2**64, 2**64 + 8 * 2**15)
    unit, result = run(whole.start, whole.stop)
    rows = [tuple(row) for row in result["blocks"]]
    rows[3] = (rows[3][0], rows[3][1] - 1, "0" * 32)
    forged = unit_result(whole, Tally(rows=rows, psp2=[FERMAT_6]))
    assert BPSW.check(unit, forged, "quick") == BPSW.check(unit, result, "quick")
    verdicts = [BPSW.check(unit, forged, "spot", bytes([seed])) for seed in range(12)]
    assert {verdict.sound for verdict in verdicts} == {True, False}
    assert BPSW.check(unit, result, "spot", bytes([0])).sound


def test_a_spot_check_says_what_share_it_did_again() -> None:
    unit, result = run(2**64, 2**64 + 5 * 2**15)
    verdict = BPSW.check(unit, result, "spot", b"beacon")
    assert verdict.sound
    assert not verdict.complete
    assert verdict.covered == 2 / 5


def test_a_spot_check_of_all_blocks_is_a_proof() -> None:
    unit, result = run(2**64, 2**64 + 2000)
    assert BPSW.check(unit, result, "spot").proved


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
    assert "blocks" not in whole


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
        ({"start": "2^128-1", "stop": "2^128+1"}, "stop: .* is too large"),
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
    assert estimate.units > 10**6
    assert [unit["stop"] for unit in last] == [params["stop"]]


def test_a_unit_too_wide_to_finish_is_refused() -> None:
    with pytest.raises(UnitError, match=r"unit\.stop"):
        BPSW.cost({"start": str(2**64), "stop": str(2**64 + 10**9)})
