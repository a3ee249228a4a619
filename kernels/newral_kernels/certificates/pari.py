"""Certificates of large primes, made by PARI: elliptic curves (Atkin and Morain) for any prime.

PARI is an optional library; nothing here is needed to verify what it made.
"""

from __future__ import annotations

from typing import Any, Final

from newral_kernels.certificates.forms import (
    N_BITS_MAX,
    EllipticStep,
    PrimeCertificate,
)
from newral_kernels.certificates.small import PROVED_BELOW
from newral_kernels.certificates.verify import violation
from newral_kernels.errors import ProofError
from newral_kernels.factoring.complete import is_probable_prime

STACK_BYTES: Final = 2**28  # of address space: PARI touches what it needs, and never has to grow


def prove_by_elliptic_curves(n: int) -> PrimeCertificate:
    """A certificate that n is prime, verified: about 0.1 s at 512 bits and 1 s at 1024.

    Raises `ProofError` for a composite, above 4096 bits, and where cypari is not installed.
    """
    if n.bit_length() > N_BITS_MAX:
        raise ProofError(f"{n.bit_length()} bits are too many; the most is {N_BITS_MAX}")
    if not is_probable_prime(n):
        raise ProofError(f"{n} is no prime")
    certificate = PrimeCertificate(n)
    if n >= PROVED_BELOW:
        certificate = PrimeCertificate(n, tuple(map(_step, _pari().primecert(n))))
    wrong = violation(certificate)
    if wrong is not None:
        raise ProofError(f"PARI's certificate does not hold: {wrong}")
    return certificate


def _pari() -> Any:  # cypari has no types
    try:
        from cypari import pari  # type: ignore[import-untyped]
    except ImportError as missing:
        raise ProofError(
            "elliptic curve certificates need PARI; install it: pip install 'newral[certificates]'"
        ) from missing
    if pari.stacksize() < STACK_BYTES:
        pari.allocatemem(STACK_BYTES, STACK_BYTES, silent=True)
    return pari


def _step(row: Any) -> EllipticStep:
    """PARI's [N, t, s, a, [x, y]]."""
    n, trace, cofactor, a = (int(row[index]) for index in range(4))
    x, y = (int(coordinate) % n for coordinate in row[4])
    b = (y * y - x * x * x - a * x) % n
    return EllipticStep(trace=trace, cofactor=cofactor, a=a % n, b=b, x=x, y=min(y, n - y))
