"""Making certificates from the prime factors of N − 1."""

from __future__ import annotations

import itertools
import math

from newral_kernels.certificates.forms import BASE_MAX, NMinus1Step, PrimeCertificate, Step
from newral_kernels.certificates.small import PROVED_BELOW
from newral_kernels.certificates.verify import violation
from newral_kernels.errors import ProofError
from newral_kernels.factoring.complete import is_probable_prime, prime_factors
from newral_kernels.gmp import gcd, powmod


def prove_by_n_minus_1(n: int, curves_max: int | None = None) -> PrimeCertificate:
    """A certificate that n is prime: the only one, when all of each N − 1 is factored.

    Raises `ProofError` for a composite, and when `curves_max` elliptic curves do not factor enough
    of N − 1. Without that limit it always ends, at 128 bits in 10 ms on average.
    """
    if not is_probable_prime(n):
        raise ProofError(f"{n} is no prime")
    unproved = {n} if n >= PROVED_BELOW else set()
    steps: list[Step] = []
    while unproved:
        number = max(unproved)
        step = _step(number, curves_max)
        steps.append(step)
        unproved.remove(number)
        unproved.update(p for p in step.primes if p >= PROVED_BELOW)
    certificate = PrimeCertificate(n, tuple(steps))
    wrong = violation(certificate)
    if wrong is not None:
        raise ProofError(f"no proof that {n} is prime: {wrong}")
    return certificate


def _step(n: int, curves_max: int | None) -> NMinus1Step:
    factors, _ = prime_factors(n - 1, curves_max)
    parts = {p: p ** len(list(group)) for p, group in itertools.groupby(factors)}
    chosen = _enough(n, {p: part for p, part in parts.items() if p < PROVED_BELOW})
    chosen = chosen or _enough(n, parts)
    if not chosen:
        raise ProofError(f"too little of {n} - 1 was factored within {curves_max} elliptic curves")
    return NMinus1Step(base=_least_base(n, chosen), primes=chosen)


def _enough(n: int, parts: dict[int, int]) -> tuple[int, ...]:
    """Of the primes those with the largest powers, until their product is the cube root of n."""
    product, chosen = 1, []
    for p in sorted(parts, key=parts.__getitem__, reverse=True):
        product *= parts[p]
        chosen.append(p)
        if product**3 >= n:
            return tuple(sorted(chosen))
    return ()


def _least_base(n: int, primes: tuple[int, ...]) -> int:
    for base in range(2, BASE_MAX + 1):
        differences = [powmod(base, (n - 1) // p, n) - 1 for p in primes]
        if gcd(math.prod(differences), n) == 1 and powmod(base, n - 1, n) == 1:
            return base
    raise ProofError(f"{n}: no base up to {BASE_MAX} has the order that would prove it prime")
