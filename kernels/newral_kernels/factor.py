"""Kernel `factor`: the prime factors of given numbers, each proved prime."""

from __future__ import annotations

import math
from typing import ClassVar, Final

from newral_kernels.certificates.forms import NMinus1Step
from newral_kernels.certificates.n_minus_1 import prove_by_n_minus_1
from newral_kernels.certificates.small import PROVED_BELOW, is_small_prime
from newral_kernels.criterion import Factored, large_factors_violation
from newral_kernels.each_number import EachNumber
from newral_kernels.errors import ResultError
from newral_kernels.factoring.complete import prime_factors
from newral_kernels.kernel import JSON

FACTORS_MAX: Final = 127  # of 2^127
# Of a number with at most so many bits, measured on random ones. The hardest, products of two equal
# primes, take 0.1 s at 127 bits, and 2 s at 128, for which there are no compiled curves.
COSTS_S: Final = (
    *((32, 20e-6), (48, 0.1e-3), (64, 0.2e-3), (72, 0.3e-3), (80, 0.5e-3), (88, 0.8e-3)),
    *((96, 1.4e-3), (104, 1.9e-3), (112, 2.7e-3), (120, 5e-3), (128, 9.8e-3)),
)


class Factor(EachNumber):
    """Items of the result: `{"n", "factors"}`, ascending, as often as they divide n, and with
    `certificates` where one of them is 2^64 or more.

    It is what follows a claimed Baillie-PSW pseudoprime: its factors, or that it is prime.
    """

    name: ClassVar[str] = "factor"
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = "Factor given numbers below 2^128 into proved primes"
    usage: ClassVar[str] = '{"items": ["2^67-1", {"n": "561"}]}'
    view: ClassVar[str] = "newral_kernels.view:FactoredView"
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
        "newral_kernels.criterion",
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
        "newral_kernels.certificates.n_minus_1",
        "newral_kernels.each_number",
        "newral_kernels.factor",
    )

    def compute(self, n: int) -> dict[str, JSON]:
        factors, _ = prime_factors(n)
        large = sorted({p for p in factors if p >= PROVED_BELOW})
        return Factored(n, tuple(factors), tuple(map(prove_by_n_minus_1, large))).to_json()

    def violation(self, n: int, value: object) -> str | None:
        claim = Factored.read(value, name="items", error=ResultError, factors_max=FACTORS_MAX)
        if claim.n != n:
            return f"the factors are of {claim.n}"
        if math.prod(claim.factors) != n:
            return "the product of the factors is another number"
        for p in claim.factors:
            if p < PROVED_BELOW and not is_small_prime(p):
                return f"{p} is no prime"
        steps = [step for proof in claim.certificates for step in proof.steps]
        if not all(isinstance(step, NMinus1Step) for step in steps):
            return "a certificate is not by N - 1"
        return large_factors_violation(claim)

    def cost_of(self, n: int) -> float:
        return next(cost_s for bits, cost_s in COSTS_S if n.bit_length() <= bits)
