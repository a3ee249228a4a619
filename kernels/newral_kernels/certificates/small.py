"""Primes below 2^64, where short tests are proofs.

C. Jaeschke, *On strong pseudoprimes to several bases*, Math. Comp. 61 (1993); J. Feitsma and
W. Galway, tables of base-2 pseudoprimes (2013), among which none passes Baillie-PSW.
"""

from __future__ import annotations

import math
from typing import Final

from newral_kernels.gmp import gcd, is_strong_bpsw_prp, is_strong_prp
from newral_kernels.sieve import odd_flags, primes_below

PROVED_BELOW: Final = 2**64
TABLE_BELOW: Final = 2**21  # one megabyte, in a few milliseconds; a test takes ten times a look-up
JAESCHKE_BELOW: Final = 4_759_123_141  # the least composite that passes to the bases 2, 7 and 61

_ODD_IS_PRIME: Final = odd_flags(1, TABLE_BELOW, primes_below(math.isqrt(TABLE_BELOW) + 1))


def is_small_prime(n: int) -> bool:
    """Whether n is prime: a proof. Raises ValueError from 2^64 on, where it would be none."""
    if n % 2 == 0 or n < 3:
        return n == 2
    if n < TABLE_BELOW:
        return _ODD_IS_PRIME[n // 2] == 1
    if n < JAESCHKE_BELOW:
        if n % 7 == 0 or n % 61 == 0:  # gmpy2 takes only bases coprime to n
            return False
        return is_strong_prp(n, 2) and is_strong_prp(n, 7) and is_strong_prp(n, 61)
    if n < PROVED_BELOW:
        return is_strong_bpsw_prp(n)
    raise ValueError(f"{n} is not below 2^64, where the Baillie-PSW test is proved")


def passes_strong_test(n: int, base: int) -> bool:
    """The strong probable-prime test of an odd n > 2. It fails to a base that shares a factor."""
    return gcd(n, base) == 1 and is_strong_prp(n, base)
