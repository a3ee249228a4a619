"""What the kernel `bpsw` counts and lists, number by number: independent of how it searches."""

from __future__ import annotations

from typing import Final

from newral_kernels.factoring.complete import is_probable_prime, prime_factors
from newral_kernels.primality import is_bpsw_probable_prime, is_strong_probable_prime

FILTER_BELOW: Final = 4096  # the primes below it remove 7 of 8 odd numbers
# Strong tests to these bases follow where BPSW passed. A composite passes each with a chance of at
# most 1/4 (Rabin 1980), and in practice far less; bases chosen in advance are no proof.
WITNESS_BASES: Final = (3, 5)


def is_psp2(n: int) -> bool:
    """Whether n belongs under `psp2`: cheap enough to check each claim."""
    return is_strong_probable_prime(n, 2) and not is_bpsw_probable_prime(n)


def is_hit(n: int, witness: int) -> bool:
    """Whether n belongs under `hits` with this witness."""
    refuting = (base for base in WITNESS_BASES if not is_strong_probable_prime(n, base))
    return is_bpsw_probable_prime(n) and next(refuting, None) == witness


def hit_factors(n: int) -> tuple[int, ...]:
    """The prime factors of a hit: at worst a few seconds of work, and so far never any."""
    factors, _ = prime_factors(n)
    return tuple(factors)


def are_prime_factors(factors: tuple[int, ...], n: int) -> bool:
    """Whether these are all prime factors of a composite n, ascending, as often as they divide it.

    From 2^64 on a factor is a probable prime only; the kernel `factor` returns a certificate.
    """
    product = 1
    for p in factors:
        if p < 2 or n % p or not is_probable_prime(p):
            return False
        product *= p
    return product == n and len(factors) > 1 and tuple(sorted(factors)) == factors
