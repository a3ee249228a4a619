"""Ranks of apparition, against the Lucas sequence itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from newral_kernels.gmp import jacobi
from newral_kernels.joint_search.conditions import DISCRIMINANTS, Conditions
from newral_kernels.joint_search.primes import stretch


def rank(p: int, q: int) -> int:
    """The least k > 0 with p | U_k, term by term."""
    before, now, k = 0, 1, 1
    while now % p:
        before, now, k = now, (now - q * before) % p, k + 1
    return k


def order(p: int) -> int:
    """Of 2, power by power."""
    power, k = 2 % p, 1
    while power != 1:
        power, k = 2 * power % p, k + 1
    return k


@pytest.mark.parametrize("discriminant", DISCRIMINANTS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_ranks_are_those_of_the_sequence(discriminant: int, sign: int) -> None:
    conditions = Conditions(discriminant, sign)
    primes = stretch(conditions, 3, 1500)
    assert len(primes.primes) == 238  # pi(1500) - 1
    for p, o, w, symbol in zip(*(column.tolist() for column in primes), strict=True):
        if conditions.excludes(p):
            assert (w, symbol) == (0, 0)
            continue
        assert o == order(p)
        assert symbol == jacobi(discriminant, p)
        expected = rank(p, conditions.q)
        admissible = (1 - sign) % math.gcd(o, expected) == 0
        assert w == (expected if admissible else 0)


def test_ranks_of_primes_across_a_segment_and_of_large_ones() -> None:
    conditions = Conditions(5, -1)
    primes = stretch(conditions, 2**18 - 200, 2**18 + 200)
    for p, _, w, symbol in zip(*(column.tolist() for column in primes), strict=True):
        assert w == (rank(p, -1) if w else 0)
        assert w > 0 or symbol == 1
    top = stretch(conditions, 2**32 - 100, 2**32)
    assert top.primes.tolist() == [2**32 - 99, 2**32 - 65, 2**32 - 17, 2**32 - 5]
    for p, _, w, symbol in zip(*(column.tolist() for column in top), strict=True):
        if symbol == -1:
            assert (p + 1) % w == 0
    assert isinstance(top.ranks, np.ndarray)


def test_fibonacci_numbers_have_known_ranks() -> None:
    primes = stretch(Conditions(5, 1), 3, 50)
    known = {3: 4, 7: 8, 11: 10, 13: 7, 17: 9, 19: 18, 23: 24, 29: 14, 31: 30, 37: 19}  # A001602
    ranks = dict(zip(primes.primes.tolist(), primes.ranks.tolist(), strict=True))
    assert known.items() <= ranks.items()
