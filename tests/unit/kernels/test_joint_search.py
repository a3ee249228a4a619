"""The joint search's parts: classes, sieve, residues, and what they add up to."""

from __future__ import annotations

import functools
import math
from random import Random

import numpy as np
import numpy.typing as npt
import pytest

from newral_kernels.gmp import jacobi, lucasu_mod
from newral_kernels.jit import compiled
from newral_kernels.joint_search.conditions import DISCRIMINANTS, FILTER_STOP, Conditions
from newral_kernels.joint_search.fermat import LANES, fermat_residues, workspace
from newral_kernels.joint_search.hit import is_hit
from newral_kernels.joint_search.primes import stretch
from newral_kernels.joint_search.task import COFACTOR_STOP, TERMS_MAX, Task
from newral_kernels.joint_search.work import examine
from newral_kernels.primality import is_prime_below_2_64
from newral_kernels.sieve import primes_below

Words = npt.NDArray[np.uint64]

BOUND = 2_000_000


def task(conditions: Conditions, bound: int, start: int, stop: int, parts: int = 1) -> Task:
    return Task(
        conditions=conditions,
        bound=bound,
        start=start,
        stop=stop,
        most=TERMS_MAX,
        parts=parts,
        cost_us=1,
    )


@functools.cache
def pseudoprimes() -> list[int]:
    """All composite n < BOUND with 2^(n-1) ≡ 1 (mod n)."""
    passing = [n for n in range(3, BOUND, 2) if pow(2, n - 1, n) == 1]
    return [n for n in passing if not is_prime_below_2_64(n)]


def prime_factors(n: int) -> set[int]:
    return {p for p in range(3, n + 1, 2) if n % p == 0 and is_prime_below_2_64(p)}


@pytest.mark.parametrize("discriminant", DISCRIMINANTS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_search_finds_what_testing_every_number_finds(discriminant: int, sign: int) -> None:
    conditions = Conditions(discriminant, sign)
    start = 7
    expected = {
        n
        for n in pseudoprimes()
        if jacobi(discriminant, n) == sign
        and lucasu_mod(1, conditions.q, n - sign, n) == 0
        and any(n % p == 0 for p in primes_below(1500) if p >= start)
    }
    found = examine(task(conditions, BOUND, start, 1500), 0, 1).passed
    assert {n for n in found if is_hit(n, conditions)} == expected


def test_the_control_finds_the_known_number_of_hits() -> None:
    conditions = Conditions(5, 1)
    found = examine(task(conditions, 10**9, 7, 10**5), 0, 1).passed
    # Every such n has a prime factor below its root.
    assert len({n for n in found if is_hit(n, conditions)}) == 377


@pytest.mark.parametrize(("discriminant", "sign"), [(5, -1), (5, 1), (-7, 1), (-15, -1), (21, 1)])
def test_every_number_of_a_class_is_a_candidate_and_the_rest_is_not(
    discriminant: int, sign: int
) -> None:
    conditions = Conditions(discriminant, sign)
    bound = 60_000
    primes = stretch(conditions, 3, 400)
    progressions = primes.progressions(sign, bound)
    for k, p in enumerate(primes.primes.tolist()):
        order, rank = int(primes.orders[k]), int(primes.ranks[k])
        first, step, terms = (int(column[k]) for column in progressions)
        expected = [
            n
            for n in range(3 * p, bound + 1, 2 * p)
            if rank and (n - 1) % order == 0 and (n - sign) % rank == 0
        ]
        assert [p * (first + step * i) for i in range(terms)] == expected


def reference_tested(conditions: Conditions, bound: int, p: int, order: int, rank: int) -> int:
    """How many multiples of p are tested, by the definition."""
    small = {q: (modulus, residue) for q, modulus, residue in conditions.small_primes()}
    tested = 0
    target = conditions.sign * int(jacobi(conditions.discriminant, p))
    s = next(s for s in range(3, 10**9, 2) if (s - 1) % order == 0 and (s - target) % rank == 0)
    step = math.lcm(2, order, rank)
    for t in range(s, bound // p + 1, step):
        n = p * t
        discarded = any(
            t % q == 0 and (modulus == 0 or n % modulus != residue)
            for q, (modulus, residue) in small.items()
        )
        tested += jacobi(conditions.discriminant, n) == conditions.sign and not discarded
    return tested


@pytest.mark.parametrize(("discriminant", "sign"), [(5, -1), (5, 1), (-7, -1), (13, 1), (-15, 1)])
def test_the_sieve_leaves_what_the_definition_leaves(discriminant: int, sign: int) -> None:
    conditions = Conditions(discriminant, sign)
    primes = stretch(conditions, 17, 90)
    for k, p in enumerate(primes.primes.tolist()):
        order, rank = int(primes.orders[k]), int(primes.ranks[k])
        if rank == 0:
            continue
        step = math.lcm(2, order, rank)
        for terms in (30, 1000):  # tried one by one; sieved
            bound = p * step * terms
            outcome = examine(task(conditions, bound, p, p + 1), 0, 1)
            assert outcome.tested == reference_tested(conditions, bound, p, order, rank)


def test_small_primes_keep_multiples_that_they_allow() -> None:
    allowed = {q: rest for q, *rest in Conditions(5, -1).small_primes() if rest[0]}
    assert allowed[3] == [4, 3]  # order 2, rank 4: n ≡ 1 (mod 2) and ≡ -1 (mod 4)
    assert allowed[7] == [24, 7]  # order 3, rank 8
    assert 5 not in allowed
    assert 11 not in allowed  # order and rank are 10
    assert max(allowed) < FILTER_STOP


@compiled("void(uint64[::1], uint64[::1], int64, uint64[::1])")
def residues_of(primes: Words, cofactors: Words, count: int, residues: Words) -> None:
    work = workspace()
    fermat_residues(primes, cofactors, count, work)
    for j in range(count):
        residues[j] = work.residues[j]


def residues(pairs: list[tuple[int, int]]) -> list[int]:
    primes, cofactors = np.zeros(LANES, np.uint64), np.zeros(LANES, np.uint64)
    primes[: len(pairs)] = [p for p, _ in pairs]
    cofactors[: len(pairs)] = [s for _, s in pairs]
    result = np.zeros(LANES, np.uint64)
    residues_of(primes, cofactors, len(pairs), result)
    return result.tolist()[: len(pairs)]


@pytest.mark.parametrize(
    "edge", [3, 2**14, 2**32, 2**49, 2**60, COFACTOR_STOP - 101], ids=lambda edge: f"{edge:x}"
)
@pytest.mark.parametrize("prime", [3, 65537, 2**32 - 5])
def test_residues_are_right_at_the_edges_of_widths(edge: int, prime: int) -> None:
    cofactors = [s | 1 for s in range(max(edge - 50, 3), edge + 50)][:LANES]
    pairs = [(prime, s) for s in cofactors]
    assert residues(pairs) == [pow(2, p * s - 1, s) for p, s in pairs]
    assert residues(pairs[:1]) == [pow(2, prime * cofactors[0] - 1, cofactors[0])]


@pytest.mark.parametrize("bits", [8, 40, 48, 49, 50, 61])
def test_residues_of_random_cofactors_are_right(bits: int) -> None:
    rng = Random(bits)
    for _ in range(50):
        pairs = [
            (rng.getrandbits(rng.randrange(3, 33)) | 5, rng.getrandbits(bits) | 2 ** (bits - 1) | 1)
            for _ in range(LANES)
        ]
        assert residues(pairs) == [pow(2, p * s - 1, s) for p, s in pairs]


def test_a_bound_at_the_widest_cofactors_is_searched_in_full() -> None:
    """Beyond 2^90: the last terms before the bound, tested by the definition."""
    p = 2**32 - 5
    conditions = Conditions(5, 1)
    primes = stretch(conditions, p, p + 1)
    bound = p * COFACTOR_STOP
    first, step, terms = (int(column[0]) for column in primes.progressions(1, bound))
    last = first + step * (terms - 1)
    assert p * last <= bound < p * (last + step)
    assert last < COFACTOR_STOP


def test_parts_and_blocks_add_up_to_the_whole() -> None:
    conditions = Conditions(5, 1)
    whole = examine(task(conditions, 10**7, 7, 1000), 0, 1)
    unit = Task(
        conditions=conditions, bound=10**7, start=7, stop=1000, blocks=5, parts=3, cost_us=1
    )
    pieces = [examine(unit, i, i + 1) for i in range(15)]
    together = examine(unit, 0, 15)
    assert [leaf for piece in pieces for leaf in piece.leaves] == together.leaves
    for name in ("primes", "inadmissible", "candidates", "tested"):
        counted = sum(getattr(piece, name) for piece in pieces)
        assert counted == getattr(together, name) == getattr(whole, name)
    assert sorted(together.passed) == sorted(whole.passed)
