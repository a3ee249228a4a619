"""What the search finds: composites that pass the Fermat test to base 2 and the Lucas test."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final

from newral_kernels.criterion import Factored
from newral_kernels.errors import FieldError, ResultError
from newral_kernels.gmp import jacobi, lucasu_mod, lucasv_mod, powmod
from newral_kernels.joint_search.conditions import Conditions
from newral_kernels.joint_search.task import Task
from newral_kernels.kernel import JSON
from newral_kernels.primality import (
    is_bpsw_probable_prime,
    is_prime_below_2_64,
    is_strong_probable_prime,
    twos,
)
from newral_kernels.reading import Record

FLAGS: Final = ("strong", "strong_lucas", "bpsw")


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A number that passes both tests, with all its prime factors, and which stricter tests it
    passes: the strong test to base 2; the strong Lucas test with the same discriminant; both, with
    Selfridge's choice of the discriminant (the Baillie-PSW test)."""

    n: int
    factors: tuple[int, ...]
    strong: bool
    strong_lucas: bool
    bpsw: bool

    @classmethod
    def of(cls, n: int, factors: tuple[int, ...], conditions: Conditions) -> Hit:
        """With its flags."""
        return cls(
            n=n,
            factors=factors,
            strong=is_strong_probable_prime(n, 2),
            strong_lucas=passes_strong_lucas(n, conditions),
            bpsw=is_bpsw_probable_prime(n),
        )

    @classmethod
    def read(cls, value: object, error: type[FieldError]) -> Hit:
        """Verifies the shape alone. Raises `error`."""
        record = Record(value, name="hits", error=error, required=("n", "factors", *FLAGS))
        claim = Factored.read(
            {"n": record.get("n"), "factors": record.get("factors")}, name="hits", error=error
        )
        flags = [record.get(name) for name in FLAGS]
        if not all(isinstance(flag, bool) for flag in flags):
            raise error("hits", "a flag is no boolean", f"give {', '.join(FLAGS)} as booleans")
        return cls(claim.n, claim.factors, *map(bool, flags))

    def to_json(self) -> dict[str, JSON]:
        """Inverse of `read`."""
        return Factored(self.n, self.factors).to_json() | {
            "strong": self.strong,
            "strong_lucas": self.strong_lucas,
            "bpsw": self.bpsw,
        }


def is_pseudoprime(n: int) -> bool:
    """Whether a composite n passes the Fermat test to base 2."""
    return powmod(2, n - 1, n) == 1


def is_hit(n: int, conditions: Conditions) -> bool:
    """Whether a composite n is of the class and passes both tests."""
    return (
        n % 2 == 1
        and jacobi(conditions.discriminant, n) == conditions.sign
        and is_pseudoprime(n)
        and lucasu_mod(1, conditions.q, n - conditions.sign, n) == 0
    )


def passes_strong_lucas(n: int, conditions: Conditions) -> bool:
    """Whether U_d ≡ 0 or V_(d·2^r) ≡ 0 (mod n) for some 0 <= r < s, where n − (D/n) = d·2^s with d
    odd, for the parameters of the class."""
    multiple = n - conditions.sign
    odd = multiple >> twos(multiple)
    return lucasu_mod(1, conditions.q, odd, n) == 0 or any(
        lucasv_mod(1, conditions.q, odd << r, n) == 0 for r in range(twos(multiple))
    )


def require_true(hit: Hit, task: Task) -> None:
    """Raises `ResultError` unless the hit is one, of this task, completely factored."""
    n, factors = hit.n, hit.factors
    if n > task.bound or not any(map(task.holds, factors)):
        raise ResultError("hits", f"{n} does not belong to the unit", "list its own numbers")
    if len(factors) < 2 or math.prod(factors) != n:
        raise ResultError("hits", f"the factors' product is not {n}", "factor it")
    for p, _ in itertools.groupby(factors):
        if p >= 2**64 or not is_prime_below_2_64(p):
            raise ResultError("hits", f"{p} is no prime below 2^64", "factor it completely")
    if not is_hit(n, task.conditions):
        raise ResultError("hits", f"{n} does not pass both tests", "list what passes")
    if hit != Hit.of(n, factors, task.conditions):
        raise ResultError("hits", f"{n} has other flags", f"say rightly {', '.join(FLAGS)}")
