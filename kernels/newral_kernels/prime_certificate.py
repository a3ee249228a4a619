"""Kernel `prime-certificate`: for each number a certificate that it is prime, or composite."""

from __future__ import annotations

from typing import ClassVar, Final

from newral_kernels.certificates.compositeness import prove_composite
from newral_kernels.certificates.forms import (
    NMinus1Step,
    PrimeCertificate,
    read_certificate,
)
from newral_kernels.certificates.n_minus_1 import prove_by_n_minus_1
from newral_kernels.certificates.verify import violation
from newral_kernels.each_number import EachNumber
from newral_kernels.errors import ResultError
from newral_kernels.factoring.complete import is_probable_prime
from newral_kernels.kernel import JSON

# Of a prime with at most so many bits, measured on random ones; composites cost next to nothing.
COSTS_S: Final = (
    *((64, 30e-6), (72, 0.3e-3), (80, 0.5e-3), (88, 0.8e-3), (96, 1.3e-3)),
    *((104, 1.9e-3), (112, 2.7e-3), (120, 5e-3), (128, 9.5e-3)),
)


class PrimeCertificateKernel(EachNumber):
    """Items of the result: `{"n", "steps"}` for a prime, `{"n", "factor"}` or `{"n", "witness"}`
    for a composite: see `newral_kernels.certificates.forms`.

    A prime from 2^64 on is proved by N − 1, so that every prime has one certificate only.
    """

    name: ClassVar[str] = "prime-certificate"
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = "Certify that given numbers below 2^128 are prime, or composite"
    usage: ClassVar[str] = '{"items": ["2^89-1", "2^67-1"]}'
    view: ClassVar[str] = "newral_kernels.prime_certificate_view:PrimeCertificateView"
    sources: ClassVar[tuple[str, ...]] = (
        "newral_kernels.errors",
        "newral_kernels.kernel",
        "newral_kernels.numbers",
        "newral_kernels.reading",
        "newral_kernels.gmp",
        "newral_kernels.sieve",
        "newral_kernels.certificates.small",
        "newral_kernels.certificates.forms",
        "newral_kernels.certificates.n_minus_1_check",
        "newral_kernels.certificates.ecpp_check",
        "newral_kernels.certificates.verify",
        "newral_kernels.factoring.small_factors",
        "newral_kernels.factoring.multiples",
        "newral_kernels.factoring.p_minus_1",
        "newral_kernels.factoring.rho",
        "newral_kernels.factoring.ecm",
        "newral_kernels.jit",
        "newral_kernels.words",
        "newral_kernels.double_words",
        "newral_kernels.factoring.compiled_ecm",
        "newral_kernels.factoring.curves",
        "newral_kernels.factoring.complete",
        "newral_kernels.certificates.compositeness",
        "newral_kernels.certificates.n_minus_1",
        "newral_kernels.each_number",
        "newral_kernels.prime_certificate",
    )

    def compute(self, n: int) -> dict[str, JSON]:
        proof = prove_by_n_minus_1(n) if is_probable_prime(n) else prove_composite(n)
        return proof.to_json()

    def violation(self, n: int, value: object) -> str | None:
        certificate = read_certificate(value, name="items", error=ResultError, n_max=n)
        if certificate.n != n:
            return f"the certificate is of {certificate.n}"
        if isinstance(certificate, PrimeCertificate):
            if not all(isinstance(step, NMinus1Step) for step in certificate.steps):
                return "the certificate is not by N - 1"
            return violation(certificate)
        return violation(certificate) or self._other_composite(n, value)

    def cost_of(self, n: int) -> float:
        return next(cost_s for bits, cost_s in COSTS_S if n.bit_length() <= bits)

    def _other_composite(self, n: int, value: object) -> str | None:
        """A composite has many proofs, of which one is the result."""
        expected = prove_composite(n).to_json()
        return None if value == expected else f"the proof to be given is {expected}"
