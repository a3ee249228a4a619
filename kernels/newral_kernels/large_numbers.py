"""Probable-prime tests of single odd numbers of any size, by GMP."""

from __future__ import annotations

import math
from typing import Final

import gmpy2  # type: ignore[import-untyped]

from newral_kernels.lanes.lucas import ALMOST, PLAIN
from newral_kernels.lanes.lucas_parameters import SELFRIDGE
from newral_kernels.sieve import primes_below

_PRIMORIAL: Final = gmpy2.mpz(math.prod(primes_below(2048)) // 2)


def is_undivided(n: int) -> bool:
    """Whether none of the odd primes below 2048 divides n > 2048."""
    return bool(gmpy2.gcd(n, _PRIMORIAL) == 1)


def is_strong_probable_prime(n: int, base: int) -> bool:
    """The Miller-Rabin test; a base that shares a factor with n refutes it."""
    return bool(gmpy2.gcd(n, base) == 1 and gmpy2.is_strong_prp(n, base))


def satisfies_lucas(n: int, method: int, condition: int) -> bool:
    """As `newral_kernels.lanes.lucas.keep_lucas`, for one n > 2^64."""
    if method == SELFRIDGE:
        if condition == PLAIN:
            return bool(gmpy2.is_selfridge_prp(n))
        return bool(gmpy2.is_strong_selfridge_prp(n))
    p = _extra_strong_p(n)
    return p is not None and _satisfies(n, p, condition)


def _extra_strong_p(n: int) -> int | None:
    """The first P of 3, 4, … with (P² − 4 / n) = −1; None when n is seen to be composite."""
    if gmpy2.is_square(n):
        return None
    p = 3
    while (symbol := gmpy2.jacobi(p * p - 4, n)) == 1:
        p += 1
    return p if symbol == -1 else None


def _satisfies(n: int, p: int, condition: int) -> bool:
    n = gmpy2.mpz(n)
    doublings = int(gmpy2.bit_scan1(n + 1)) - 1
    v, w = gmpy2.mpz(2), gmpy2.mpz(p)
    for bit in bin((n + 1) >> (doublings + 1))[2:]:
        mixed = (v * w - p) % n
        v, w = (mixed, (w * w - 2) % n) if bit == "1" else ((v * v - 2) % n, mixed)
    if v in (2, n - 2) and (condition == ALMOST or (2 * w - p * v) % n == 0):
        return True
    for _ in range(doublings):
        if v == 0:
            return True
        v = (v * v - 2) % n
    return False
