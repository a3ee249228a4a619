"""R. P. Brent, *An improved Monte Carlo factorization algorithm*, BIT 20 (1980)."""

from __future__ import annotations

from typing import Final

from newral_kernels.gmp import gcd, mpz

BATCH: Final = 64  # differences multiplied together before a greatest common divisor is taken


def rho_factor(n: int, steps_max: int) -> int | None:
    """A proper factor of an odd composite n, by x² + 1 from 2; None after about `steps_max` steps.

    A factor p is found in about sqrt(p) steps.
    """
    n = mpz(n)
    y, steps, length = mpz(2), 0, 1
    while steps < steps_max:
        x = y
        for _ in range(length):
            y = (y * y + 1) % n
        for start in range(0, length, BATCH):
            saved, product = y, mpz(1)
            for _ in range(min(BATCH, length - start)):
                y = (y * y + 1) % n
                product = product * (x - y) % n
            common = gcd(product, n)
            if common != 1:
                return _factor_in_batch(n, x, saved) if common == n else int(common)
        steps += 2 * length
        length *= 2
    return None


def _factor_in_batch(n: int, x: int, y: int) -> int | None:
    """A batch whose product vanishes, again one by one; None if all of n appears at once."""
    for _ in range(BATCH):
        y = (y * y + 1) % n
        common = gcd(x - y, n)
        if common != 1:
            return None if common == n else int(common)
    return None
