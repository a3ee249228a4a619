"""Making certificates that a number is composite."""

from __future__ import annotations

import itertools

from newral_kernels.certificates.forms import FactorCertificate, WitnessCertificate
from newral_kernels.certificates.small import passes_strong_test
from newral_kernels.errors import ProofError
from newral_kernels.factoring.complete import is_probable_prime
from newral_kernels.factoring.small_factors import split_small


def prove_composite(n: int) -> FactorCertificate | WitnessCertificate:
    """The least prime factor below 2^12, or else the least base of a failed strong test.

    Raises `ProofError` for a prime, real or probable.
    """
    if n < 2 or is_probable_prime(n):
        raise ProofError(f"{n} is not composite")
    factors, _ = split_small(n)
    if factors:
        return FactorCertificate(n, factors[0])
    # Of the bases at most a quarter pass. All of n's prime factors are larger than the base.
    witness = next(base for base in itertools.count(2) if not passes_strong_test(n, base))
    return WitnessCertificate(n, witness)
