"""Carmichael numbers and the certificate that a number is one: its prime factors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from newral_kernels.errors import FieldError
from newral_kernels.kernel import JSON
from newral_kernels.numbers import decode_integer, decode_small_integer, encode_small_integer
from newral_kernels.primality import BPSW_PROVED_BELOW, is_prime_below_2_64
from newral_kernels.reading import Record, read_array

N_MAX: Final = 10**100  # of a claimed number: far beyond every published table
FACTORS_MAX: Final = 64  # of a claimed number: more than any odd squarefree n < N_MAX has


@dataclass(frozen=True, slots=True, order=True)
class Factored:
    """A number and its claimed prime factors, ascending. JSON: `{"n": "561", "factors": [3, …]}`"""

    n: int
    factors: tuple[int, ...]

    @classmethod
    def read(cls, value: object, *, name: str, error: type[FieldError]) -> Factored:
        """Verifies the shape alone. Raises `error`."""
        record = Record(value, name=name, error=error, required=("n", "factors"))
        n = decode_integer(
            record.get("n"), minimum=1, maximum=N_MAX, field=f"{name}.n", error=error
        )
        factors = tuple(
            decode_small_integer(
                factor, minimum=1, maximum=N_MAX, field=f"{name}.factors", error=error
            )
            for factor in record.array("factors", length_max=FACTORS_MAX)
        )
        if any(a > b for a, b in itertools.pairwise(factors)):
            raise error(f"{name}.factors", "they are out of order", "list them ascending")
        return cls(n, factors)

    def to_json(self) -> dict[str, JSON]:
        """Factors above 2^53 - 1 are decimal strings, and n always is."""
        return {"n": str(self.n), "factors": [encode_small_integer(p) for p in self.factors]}


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
    p − 1 divides n − 1 for each of its primes p. It then has at least three. Factors are proved
    prime by the Baillie-PSW test, so they have to be below 2^64.
    """
    n, factors = claim.n, claim.factors
    if len(factors) < 3:
        return f"{len(factors)} factors: a Carmichael number has at least 3"
    if math.prod(factors) != n:
        return "the product of the factors is another number"
    for smaller, larger in itertools.pairwise(factors):
        if smaller == larger:
            return f"{smaller} divides it twice"
    for p in factors:
        if p < 3:
            return f"{p} is no odd prime"
        if (n - 1) % (p - 1) != 0:
            return f"{p} - 1 does not divide n - 1"
        if p >= BPSW_PROVED_BELOW:
            return f"{p} is not below 2^64, so it is not proved prime"
        if not is_prime_below_2_64(p):
            return f"{p} is no prime"
    return None
