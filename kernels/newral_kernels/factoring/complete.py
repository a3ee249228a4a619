"""All prime factors of a number."""

from __future__ import annotations

import itertools
from typing import Final

from newral_kernels.certificates.small import (
    PROVED_BELOW,
    is_small_prime,
    passes_strong_test,
)
from newral_kernels.factoring.ecm import ecm_factor
from newral_kernels.factoring.multiples import near_multiple_factor
from newral_kernels.factoring.p_minus_1 import p_minus_1_factor
from newral_kernels.factoring.rho import rho_factor
from newral_kernels.factoring.small_factors import TRIAL_BELOW, split_small
from newral_kernels.gmp import iroot, is_strong_bpsw_prp

FURTHER_BASES: Final = (3, 5, 7, 11, 13, 17, 19, 23)
P_MINUS_1_BOUND: Final = 4000
RHO_STEPS: Final = 1 << 10
COMPILED_BITS_MAX: Final = 127  # of a number for compiled curves
SIGMA_MIN: Final = 6  # the first of Suyama's curves
# (curves, first bound), the last for ever: for factors of about 7 to 20 digits.
ECM_SCHEDULE: Final = (
    *((8, 60), (8, 100), (8, 250), (16, 500)),
    *((16, 1_000), (16, 2_000), (32, 4_000), (64, 8_000), (16, 16_000)),
)


def is_probable_prime(n: int) -> bool:
    """A proof below 2^64, and beyond it what a certificate has to confirm.

    A Baillie-PSW pseudoprime, were there one, would have to pass to further bases, too.
    """
    if n < PROVED_BELOW:
        return is_small_prime(n)
    if n % 2 == 0 or not is_strong_bpsw_prp(n):
        return False
    return all(passes_strong_test(n, base) for base in FURTHER_BASES)


def prime_factors(n: int, curves_max: int | None = None) -> tuple[list[int], list[int]]:
    """The probable primes whose product is n >= 1, and composites that resisted, both ascending.

    Nothing resists without `curves_max`, the number of elliptic curves tried on each composite.
    """
    primes, rest = split_small(n)
    resisted: list[int] = []
    pending = [rest] if rest > 1 else []
    while pending:
        part = pending.pop()
        if is_probable_prime(part):
            primes.append(part)
            continue
        factor = proper_factor(part, curves_max)
        if factor is None:
            resisted.append(part)
        else:
            pending += [factor, part // factor]
    return sorted(primes), sorted(resisted)


def proper_factor(n: int, curves_max: int | None = None) -> int | None:
    """A proper factor of a composite n without prime factors below 2^12; None after `curves_max`.

    Raises ValueError for a prime, which would be searched for ever.
    """
    if is_probable_prime(n):
        raise ValueError(f"{n} is a probable prime")
    return (
        _root(n)
        or p_minus_1_factor(n, P_MINUS_1_BOUND)
        or rho_factor(n, RHO_STEPS)
        or near_multiple_factor(n)
        or _factor_by_curves(n, curves_max)
    )


def _factor_by_curves(n: int, curves_max: int | None) -> int | None:
    done, factor = 0, None
    schedule = itertools.chain(ECM_SCHEDULE, itertools.repeat(ECM_SCHEDULE[-1]))
    while factor is None and (curves_max is None or done < curves_max):
        curves, bound = next(schedule)
        sigmas = range(SIGMA_MIN + done, SIGMA_MIN + done + curves)
        factor = _curves(n, sigmas, bound)
        done += curves
    return factor


def _curves(n: int, sigmas: range, bound: int) -> int | None:
    if n.bit_length() > COMPILED_BITS_MAX:
        return next(filter(None, (ecm_factor(n, sigma, bound) for sigma in sigmas)), None)
    from newral_kernels.factoring.curves import factor_by_curves  # only now: it loads numba

    return factor_by_curves(n, sigmas, bound)


def _root(n: int) -> int | None:
    """The square root, or another root whose prime factors are not below 2^12."""
    for exponent in range(2, n.bit_length() // (TRIAL_BELOW.bit_length() - 1) + 1):
        root = int(iroot(n, exponent)[0])
        if root**exponent == n:
            return root
    return None
