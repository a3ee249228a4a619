"""Carmichael numbers and the certificate that a number is one: its prime factors."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from newral_kernels.certificates.forms import PrimeCertificate, read_prime_certificate
from newral_kernels.certificates.small import PROVED_BELOW, is_small_prime
from newral_kernels.certificates.verify import prime_violation
from newral_kernels.errors import FieldError
from newral_kernels.kernel import JSON
from newral_kernels.numbers import decode_small_integer, encode_small_integer
from newral_kernels.reading import Record, read_array

N_MAX: Final = 10**100  # of a claimed number: far beyond every published table
FACTORS_MAX: Final = 64  # of a claimed number: more than any odd squarefree n < N_MAX has
CERTIFICATES_MAX: Final = 5  # of a claimed number: 2^64 is not below its sixth root


@dataclass(frozen=True, slots=True, order=True)
class Factored:
    """A number and its claimed prime factors, ascending. JSON: `{"n": "561", "factors": [3, …]}`.

    Factors from 2^64 on are proved by `certificates`, ascending; the member is absent without any.
    Two claims that differ in them alone are equal.
    """

    n: int
    factors: tuple[int, ...]
    certificates: tuple[PrimeCertificate, ...] = field(default=(), compare=False)

    @classmethod
    def read(
        cls,
        value: object,
        *,
        name: str,
        error: type[FieldError],
        factors_max: int = FACTORS_MAX,
    ) -> Factored:
        """Verifies the shape alone. Raises `error`."""
        record = Record(
            value, name=name, error=error, required=("n", "factors"), optional=("certificates",)
        )
        n = record.integer("n", minimum=1, maximum=N_MAX)
        path = f"{name}.factors"
        listed = [  # a list is quicker than a generator
            decode_small_integer(factor, minimum=1, maximum=N_MAX, field=path, error=error)
            for factor in record.array("factors", length_max=factors_max)
        ]
        factors = tuple(listed)
        if any(map(operator.gt, factors, factors[1:])):
            raise error(path, "they are out of order", "list them ascending")
        if "certificates" in record:
            return cls(n, factors, _read_certificates(record, name, error))
        return cls(n, factors)

    def to_json(self) -> dict[str, JSON]:
        """Factors above 2^53 - 1 are decimal strings, and n always is."""
        value: dict[str, JSON] = {
            "n": str(self.n),
            "factors": [encode_small_integer(p) for p in self.factors],
        }
        if self.certificates:
            value["certificates"] = [certificate.to_json() for certificate in self.certificates]
        return value


def _read_certificates(
    record: Record, name: str, error: type[FieldError]
) -> tuple[PrimeCertificate, ...]:
    path = f"{name}.certificates"
    certificates = tuple(
        read_prime_certificate(value, name=path, error=error, n_max=N_MAX)
        for value in record.array("certificates", length_max=CERTIFICATES_MAX)
    )
    if not certificates:
        raise error(path, "it is empty", "leave it out when all factors are below 2^64")
    if any(a.n >= b.n for a, b in itertools.pairwise(certificates)):
        raise error(path, "they are out of order", "list one for each factor, ascending")
    return certificates


def read_items(
    value: object, *, name: str, error: type[FieldError], length_max: int
) -> list[Factored]:
    """An array of factored numbers, in whatever order. Raises `error`."""
    return [
        Factored.read(item, name=f"{name}[{index}]", error=error)
        for index, item in enumerate(
            read_array(value, name=name, error=error, length_max=length_max)
        )
    ]


def read_ascending_items(
    value: object, *, name: str, error: type[FieldError], length_max: int
) -> list[Factored]:
    """An array of factored numbers, each listed once, by ascending n. Raises `error`."""
    items = read_items(value, name=name, error=error, length_max=length_max)
    if any(a.n >= b.n for a, b in itertools.pairwise(items)):
        raise error(name, "they are not in ascending order", "list each number once, in order")
    return items


def items_to_json(items: Sequence[Factored]) -> list[JSON]:
    """The inverse of `read_items`."""
    return [item.to_json() for item in items]


def korselt_violation(claim: Factored) -> str | None:
    """Why the factors do not prove n to be a Carmichael number; None when they do.

    Korselt's criterion (1899): a composite n is a Carmichael number exactly if it is squarefree and
    p − 1 divides n − 1 for each of its primes p. It then has at least three.
    """
    n, factors = claim.n, claim.factors
    if len(factors) < 3:
        return f"{len(factors)} factors: a Carmichael number has at least 3"
    if math.prod(factors) != n:
        return "the product of the factors is another number"
    if len(set(factors)) < len(factors):
        twice = next(p for p, q in itertools.pairwise(sorted(factors)) if p == q)
        return f"{twice} divides it twice"
    m = n - 1
    for p in factors:
        if p < 3:
            return f"{p} is no odd prime"
        if m % (p - 1):
            return f"{p} - 1 does not divide n - 1"
        if p < PROVED_BELOW and not is_small_prime(p):
            return f"{p} is no prime"
    if claim.certificates or factors[-1] >= PROVED_BELOW:
        return large_factors_violation(claim)
    return None


def large_factors_violation(claim: Factored) -> str | None:
    """There is a certificate that proves it for each factor from 2^64 on, and no other."""
    large = [p for p in claim.factors if p >= PROVED_BELOW]
    steps = {certificate.n: certificate.steps for certificate in claim.certificates}
    for p in large:
        if p not in steps:
            return f"{p} is not below 2^64 and has no certificate"
    for n in steps:
        if n not in large:
            return f"there is a certificate of {n}, which is no factor from 2^64 on"
    for p in large:
        if prime_violation(p, steps[p]) is not None:
            return f"the certificate of {p} does not prove it prime"
    return None
