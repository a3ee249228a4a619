"""What a search costs, in seconds of the reference core."""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.joint_search.cofactors import SIEVED_MIN
from newral_kernels.joint_search.conditions import Conditions

Doubles: TypeAlias = npt.NDArray[np.float64]

PER_PRIME_S: Final = {-1: 250e-9, 1: 362e-9}
"""Of a prime near 2^20, by the sign of the class: at 1 every prime's rank is computed."""
PER_PRIME_GROWTH_S: Final = 7.7e-9  # for each factor 2 of the prime
PER_LISTED_PRIME_S: Final = 68e-6
PER_PROGRESSION_S: Final = 0.6e-6
PER_TRIED_TERM_S: Final = 35e-9  # below `SIEVED_MIN` terms
PER_SIEVE_S: Final = 7.7e-6
PER_STRUCK_TERM_S: Final = 0.64e-9
PER_LEFT_TERM_S: Final = 0.75e-9  # more, where some are left
TESTED_SHARE: Final = {-1: 0.15, 1: 0.285}
PER_TEST_S: Final = 14e-9
PER_WIDE_BIT_S: Final = 0.53e-9
FOUND: Final = {-1: 0.0, 1: 0.7}
"""Pseudoprimes among the terms of a progression, for each factor e of their number: with sign 1, p
and a prime s are often alike in their orders."""
PER_FOUND_S: Final = 15e-6
PER_LEAF_S: Final = {True: 8e-6, False: 60e-6}
"""Of a list, and of a range, each block of which begins anew."""
PER_UNIT_S: Final = 0.7e-3

WIDE_FROM: Final = 2**49  # cofactors beyond it take more time, for each bit of n


def primes_cost_s(conditions: Conditions, primes: Doubles) -> Doubles:
    """Of the orders and ranks of some primes."""
    growth: Doubles = PER_PRIME_GROWTH_S * np.log2(primes / 2**20)
    return PER_PRIME_S[conditions.sign] + growth


def range_cost_s(conditions: Conditions, start: int, stop: int) -> float:
    """Of the orders and ranks of all primes start <= p < stop, for start >= 3."""
    if start == stop:
        return 0.0
    middle = (start + stop) / 2
    count = (stop - start) / (math.log(middle) - 1)  # the prime number theorem
    return count * float(primes_cost_s(conditions, np.array([middle]))[0])


def terms_cost_s(
    conditions: Conditions, bound: int, primes: Doubles, terms: Doubles, shares: Doubles
) -> Doubles:
    """Of each prime's progression, with so many terms; shares as from `Primes.symbol_shares`."""
    wide = 1 - np.minimum(1.0, WIDE_FROM * primes / bound)
    test = PER_TEST_S + wide * bound.bit_length() * PER_WIDE_BIT_S
    tests = TESTED_SHARE[conditions.sign] * test * shares
    tried = PER_PROGRESSION_S * (terms > 0) + (PER_TRIED_TERM_S + tests) * terms
    struck = PER_STRUCK_TERM_S + PER_LEFT_TERM_S * (shares > 0)
    sieved = PER_SIEVE_S + (struck + tests) * terms
    found = FOUND[conditions.sign] * (1 + np.log(np.maximum(terms, 1))) * (terms > 0)
    return np.where(terms < SIEVED_MIN, tried, sieved) + PER_FOUND_S * found


def per_term_s(conditions: Conditions, bound: int, p: int) -> float:
    """Of a term of a long progression."""
    many = 1e9
    cost = terms_cost_s(conditions, bound, np.array([float(p)]), np.array([many]), np.ones(1))
    return float(cost[0]) / many
