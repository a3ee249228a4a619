"""Verifying that N is prime from primes that divide N − 1.

J. Brillhart, D. H. Lehmer and J. L. Selfridge, *New primality criteria and factorizations of
2^m ± 1*, Math. Comp. 29 (1975); as theorem 4.1.5 in R. Crandall and C. Pomerance, *Prime Numbers*
(2nd edition, 2005). Where all of N − 1 is factored it is Lucas's theorem (Pratt's certificates),
and from the square root of N on Pocklington's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from newral_kernels.certificates.forms import NMinus1Step
from newral_kernels.gmp import gcd, powmod


def n_minus_1_violation(n: int, step: NMinus1Step) -> str | None:
    """Why an N−1 step does not prove n to be prime if its primes are; None when it does.

    Only the normal form is accepted: the primes ascend, none of them is superfluous, and the base
    is the least that serves.
    """
    if any(p >= q for p, q in itertools.pairwise(step.primes)):
        return "its primes are not in ascending order"
    for p in step.primes:
        if (n - 1) % p != 0:
            return f"{p} does not divide {n} - 1"
    parts = [prime_power_part(n - 1, p) for p in step.primes]
    if math.prod(parts) ** 3 < n:
        return f"its primes make up too little of {n} - 1: less than the cube root"
    if (math.prod(parts) // min(parts)) ** 3 >= n:
        return "one of its primes is superfluous"
    if not has_order(n, step.base, step.primes):
        return f"{step.base} has not the order that would prove {n} prime"
    if any(has_order(n, base, step.primes) for base in range(2, step.base)):
        return f"{step.base} is not the least base that serves"
    return _large_factors_violation(n, math.prod(parts))


def has_order(n: int, base: int, primes: Sequence[int]) -> bool:
    """Whether base^(n−1) ≡ 1 and base^((n−1)/p) − 1 is coprime to n, for each of the primes p.

    Then modulo each prime that divides n the order of the base is divisible by the largest power
    of p that divides n − 1, so each prime that divides n is 1 modulo the product of these.
    """
    if powmod(base, n - 1, n) != 1:
        return False
    return all(gcd(powmod(base, (n - 1) // p, n) - 1, n) == 1 for p in primes)


def prime_power_part(n: int, p: int) -> int:
    """The largest power of p that divides n > 0."""
    part = 1
    while n % (part * p) == 0:
        part *= p
    return part


def _large_factors_violation(n: int, f: int) -> str | None:
    """n ≡ 1 (mod f) has prime factors ≡ 1 (mod f) only, and f³ >= n: there are two at most."""
    if f * f > n:
        return None
    # n = (uf + 1)(vf + 1) has the digits c1 = u + v and c2 = uv to the base f. It cannot carry.
    c2, c1 = divmod((n - 1) // f, f)
    discriminant = c1 * c1 - 4 * c2
    if discriminant >= 0 and math.isqrt(discriminant) ** 2 == discriminant:
        return f"{n} is the product of two numbers that are 1 modulo {f}"
    return None
