"""Composite numbers that are hard for probable-prime tests."""

from __future__ import annotations

import math

# ψ_k: the least composite that passes the strong test to the first k primes as bases.
# Pomerance, Selfridge, Wagstaff (1980); Jaeschke (1993); Jiang, Deng (2014); Sorenson, Webster
# (2015).
PSI = (
    2047,
    1373653,
    25326001,
    3215031751,
    2152302898747,
    3474749660383,
    341550071728321,
    3825123056546413051,
    318665857834031151167461,
    3317044064679887385961981,
)

# F. Arnault, Constructing Carmichael numbers which are strong pseudoprimes to several bases (1995):
# p·(2p − 1) passes for all prime bases below 31, the product of three for all below 307.
_P = 24444516448431392447461
_Q = 29674495668685510550154174642905332730771991799853043350995075531276838753171770199594238596428121188033664754218345562493168782883  # noqa: E501
ARNAULT = (_P * (2 * _P - 1), _Q * (313 * (_Q - 1) + 1) * (353 * (_Q - 1) + 1))

WIEFERICH_SQUARES = (1093**2, 3511**2)


def chernick_numbers(stop: int) -> list[int]:
    """Carmichael numbers (6k + 1)(12k + 1)(18k + 1), all three prime."""

    def is_prime(n: int) -> bool:
        return all(n % d for d in range(2, math.isqrt(n) + 1))

    return [
        (6 * k + 1) * (12 * k + 1) * (18 * k + 1)
        for k in range(1, stop)
        if all(is_prime(factor * k + 1) for factor in (6, 12, 18))
    ]
