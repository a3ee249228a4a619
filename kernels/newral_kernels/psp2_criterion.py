"""What a base-2 pseudoprime is, how it is factored, and which Lucas tests it passes."""

from __future__ import annotations

import math
from typing import Final

from newral_kernels.certificates.small import PROVED_BELOW, is_small_prime
from newral_kernels.criterion import Factored
from newral_kernels.gmp import (
    gcd,
    is_extra_strong_lucas_prp,
    is_strong_selfridge_prp,
    jacobi,
    powmod,
)

STRONG: Final = "strong"
EXTRA_STRONG: Final = "extra strong"

_STEPS_PER_GCD: Final = 64


def pseudoprime_violation(claim: Factored) -> str | None:
    """Why the factors do not prove n to be a base-2 pseudoprime; None when they do.

    A pseudoprime is an odd composite n with 2^(n−1) ≡ 1 (mod n). Factors are proved prime by the
    Baillie-PSW test, so they have to be below 2^64.
    """
    n, factors = claim.n, claim.factors
    if len(factors) < 2:
        return f"{len(factors)} factors: a composite has at least 2"
    if claim.certificates:
        return "there are certificates, and factors below 2^64 need none"
    if math.prod(factors) != n:
        return "the product of the factors is another number"
    for p in factors:
        if p < 3:
            return f"{p} is no odd prime"
        if p >= PROVED_BELOW:
            return f"{p} is not below 2^64, so it is not proved prime"
        if not is_small_prime(p):
            return f"{p} is no prime"
    if powmod(2, n - 1, n) != 1:
        return "2^(n-1) is not 1 modulo n"
    return None


def lucas_tests_passed(n: int) -> tuple[str, ...]:
    """Which of the two Lucas tests of the Baillie-PSW variants an odd n > 1 passes.

    `strong` has Selfridge's parameters (method A), `extra strong` is J. Grantham's (Frobenius
    pseudoprimes, Math. Comp. 70, 2001). A composite that is also a strong base-2 pseudoprime would
    be a counterexample to the Baillie-PSW test of that variant: none is known, none below 2^64.
    """
    passed = []
    if is_extra_strong_lucas_probable_prime(n):
        passed.append(EXTRA_STRONG)
    if is_strong_selfridge_prp(n):
        passed.append(STRONG)
    return tuple(passed)


def is_extra_strong_lucas_probable_prime(n: int) -> bool:
    """The test with Q = 1 and the first P >= 3 whose P² − 4 has Jacobi symbol −1; n odd, above 1.

    The search has no cap; for squares, where it has no end, the answer is known.
    """
    if math.isqrt(n) ** 2 == n:
        return False
    p = 3
    while (symbol := jacobi(p * p - 4, n)) != -1:
        if symbol == 0 and (p * p - 4) % n != 0:
            return False  # they share a proper factor of n
        p += 1
    return is_extra_strong_lucas_prp(n, p)


def prime_factors_from(least: int, n: int) -> tuple[int, ...] | None:
    """The prime factors of n < 2^64, ascending, if none is below `least`; None if one is."""
    if n < least:
        return () if n == 1 else None
    if n < least * least or is_small_prime(n):
        return (n,) if is_small_prime(n) else None
    factor = _factor(n)
    first = prime_factors_from(least, factor)
    second = prime_factors_from(least, n // factor)
    return None if first is None or second is None else tuple(sorted(first + second))


def _factor(n: int) -> int:
    """A proper factor of a composite n: R. P. Brent's variant of Pollard's method (BIT 20, 1980),
    each constant until one succeeds."""
    if n % 2 == 0:
        return 2
    root = math.isqrt(n)
    if root * root == n:
        return root
    constant = 1
    while (found := _cycle_factor(n, constant)) == n:
        constant += 1
    return found


def _cycle_factor(n: int, constant: int) -> int:
    """A factor of n above 1, by iterating x² + constant; n itself where that fails."""
    x, length = 2, 1
    while True:
        anchor = x
        for done in range(0, length, _STEPS_PER_GCD):
            start, product = x, 1
            steps = min(_STEPS_PER_GCD, length - done)
            for _ in range(steps):
                x = (x * x + constant) % n
                product = product * abs(anchor - x) % n
            if (divisor := int(gcd(product, n))) > 1:
                return divisor if divisor < n else _step_by_step(n, constant, anchor, start)
        length *= 2


def _step_by_step(n: int, constant: int, anchor: int, x: int) -> int:
    """As `_cycle_factor`, with a divisor taken at each step."""
    while True:
        x = (x * x + constant) % n
        if (divisor := int(gcd(abs(anchor - x), n))) > 1:
            return divisor
