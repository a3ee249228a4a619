"""What a search costs, in seconds of the reference core."""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.joint_search.cofactors import SIEVED_MIN
from newral_kernels.joint_search.conditions import Conditions

Doubles: TypeAlias = npt.NDArray[np.float64]

PER_PRIME_S: Final = {-1: 0.24e-6, 1: 0.34e-6}
"""By the sign of the class: at +1 every prime's rank is computed."""
PER_LISTED_PRIME_S: Final = 12e-6
PER_PROGRESSION_S: Final = 0.12e-6
PER_SIEVE_S: Final = 3e-6
PER_TRIED_TERM_S: Final = 4e-9
PER_SIEVED_TERM_S: Final = 1.7e-9
TESTED_SHARE: Final = {-1: 0.15, 1: 0.285}
PER_BIT_S: Final = 0.27e-9
PER_BIT_WIDE_S: Final = 0.72e-9
PER_TEST_S: Final = 3e-9
PER_LEAF_S: Final = 40e-6
PER_UNIT_S: Final = 2e-3

WIDE_FROM: Final = 2**49  # cofactors beyond it take more time


def per_term_s(conditions: Conditions, bound: int, p: float) -> float:
    """Of a term of a long progression."""
    narrow = min(1.0, WIDE_FROM * p / bound)
    per_bit = narrow * PER_BIT_S + (1 - narrow) * PER_BIT_WIDE_S
    per_test = PER_TEST_S + bound.bit_length() * per_bit
    return PER_SIEVED_TERM_S + TESTED_SHARE[conditions.sign] * per_test


def terms_cost_s(conditions: Conditions, bound: int, primes: Doubles, terms: Doubles) -> Doubles:
    """Of each prime's progression, with so many terms."""
    narrow = np.minimum(1.0, WIDE_FROM * primes / bound)
    per_bit = narrow * PER_BIT_S + (1 - narrow) * PER_BIT_WIDE_S
    tests = TESTED_SHARE[conditions.sign] * (PER_TEST_S + bound.bit_length() * per_bit)
    tried = PER_PROGRESSION_S * (terms > 0) + (PER_TRIED_TERM_S + tests) * terms
    sieved = PER_SIEVE_S + (PER_SIEVED_TERM_S + tests) * terms
    return np.where(terms < SIEVED_MIN, tried, sieved)


def primes_between(start: float, stop: float) -> float:
    """About how many primes there are, for start >= 3 (the prime number theorem)."""
    return (stop - start) / (math.log((start + stop) / 2) - 1)
