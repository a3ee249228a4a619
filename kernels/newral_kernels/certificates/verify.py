"""The checker: whether a certificate proves what it says."""

from __future__ import annotations

from newral_kernels.certificates.ecpp_check import next_number
from newral_kernels.certificates.forms import (
    Certificate,
    EllipticStep,
    FactorCertificate,
    PrimeCertificate,
    Step,
    WitnessCertificate,
    steps_max,
)
from newral_kernels.certificates.n_minus_1_check import n_minus_1_violation
from newral_kernels.certificates.small import (
    PROVED_BELOW,
    is_small_prime,
    passes_strong_test,
)


def violation(certificate: Certificate) -> str | None:
    """Why a certificate proves nothing, with the step at fault; None when it is right."""
    match certificate:
        case PrimeCertificate(n, steps):
            return prime_violation(n, steps)
        case FactorCertificate(n, factor):
            return _factor_violation(n, factor)
        case WitnessCertificate(n, witness):
            return _witness_violation(n, witness)


def prime_violation(n: int, steps: tuple[Step, ...]) -> str | None:
    """Why the steps do not prove n to be prime; None when they do.

    Each step proves the largest number open, and may open smaller ones; so the chain ends.
    """
    if n < PROVED_BELOW:
        if steps:
            return f"{n} is below 2^64 and needs no steps"
        return None if is_small_prime(n) else f"{n} is no prime"
    if len(steps) > steps_max(n):
        return f"{len(steps)} steps are too many; the most is {steps_max(n)}"
    unproved = {n}
    for index, step in enumerate(steps, 1):
        if not unproved:
            return f"step {index}: nothing is left to be proved"
        number = max(unproved)
        unproved.remove(number)
        relied_on = _verify_step(number, step)
        if isinstance(relied_on, str):
            return f"step {index}: {relied_on}"
        for p in relied_on:
            if p >= PROVED_BELOW:
                unproved.add(p)
            elif not is_small_prime(p):
                return f"step {index}: {p} is no prime"
    if unproved:
        return f"after {len(steps)} steps {max(unproved)} is left unproved"
    return None


def _verify_step(n: int, step: Step) -> tuple[int, ...] | str:
    """The smaller numbers that have to be prime, or why the step proves nothing."""
    if isinstance(step, EllipticStep):
        q = next_number(n, step)
        return q if isinstance(q, str) else (q,)
    return n_minus_1_violation(n, step) or step.primes


def _factor_violation(n: int, factor: int) -> str | None:
    if not 1 < factor < n:
        return f"{factor} is not between 1 and {n}"
    return None if n % factor == 0 else f"{factor} does not divide {n}"


def _witness_violation(n: int, witness: int) -> str | None:
    if n % 2 == 0:
        return f"{n} is even, and strong tests are of odd numbers"
    if not 1 < witness < n - 1:
        return f"{witness} is not between 1 and {n} - 1"
    if passes_strong_test(n, witness):
        return f"{n} passes the strong test to base {witness}"
    return None
