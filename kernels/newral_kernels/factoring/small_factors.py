"""Prime factors below 2^12, by one greatest common divisor."""

from __future__ import annotations

import math
from typing import Final

from newral_kernels.gmp import gcd
from newral_kernels.sieve import primes_below

TRIAL_BELOW: Final = 2**12

_PRIMES: Final = tuple(primes_below(TRIAL_BELOW))
_PRODUCT: Final = math.prod(_PRIMES)


def split_small(n: int) -> tuple[list[int], int]:
    """The prime factors of n >= 1 below 2^12, ascending with repetitions, and what is left."""
    factors: list[int] = []
    common = int(gcd(n, _PRODUCT))
    for p in _PRIMES:
        if common == 1:
            break
        if common % p == 0:
            common //= p
            while n % p == 0:
                factors.append(p)
                n //= p
    return factors, n
