"""J. M. Pollard, *Theorems on factorization and primality testing* (1974): smooth p − 1."""

from __future__ import annotations

import functools
import math

from newral_kernels.gmp import gcd, powmod
from newral_kernels.sieve import primes_below


def p_minus_1_factor(n: int, bound: int) -> int | None:
    """A proper factor p of an odd n for which all prime powers in p − 1 are at most `bound`.

    None if there is none, or all of n appears at once.
    """
    common = gcd(powmod(2, smooth_exponent(bound), n) - 1, n)
    return int(common) if 1 < common < n else None


@functools.cache
def smooth_exponent(bound: int) -> int:
    """The least common multiple of 1, …, bound."""
    return math.prod(p ** int(math.log(bound, p) + 1e-9) for p in primes_below(bound + 1))
