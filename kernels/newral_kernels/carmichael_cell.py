"""The parts into which a tabulation of Carmichael numbers is cut."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from newral_kernels.errors import UnitError
from newral_kernels.gmp import iroot
from newral_kernels.kernel import JSON, Unit
from newral_kernels.numbers import decode_small_integer
from newral_kernels.primality import is_prime_below_2_64
from newral_kernels.reading import Record

BOUND_MAX: Final = 10**18  # some core-hours; products of two primes stay below 2^63
BOUND_MIN: Final = 3  # the least odd prime, with which a search begins
PREFIX_MAX: Final = 12  # no Carmichael number below 10^16 has more than 10 prime factors


@dataclass(frozen=True, slots=True)
class Cell:
    """The n with start <= n < bound whose first primes are `prefix` and the next is in [low, high).

    "First" is in ascending order: with k primes in the prefix, low <= p_(k+1) < high.
    """

    start: int
    bound: int
    prefix: tuple[int, ...]
    low: int
    high: int

    @property
    def preproduct(self) -> int:
        """The product of the prefix."""
        return math.prod(self.prefix)

    @property
    def is_empty(self) -> bool:
        """Whether it is seen at once that no number belongs to it."""
        return self.low == self.high or self.preproduct * self.low >= self.bound

    def holds(self, n: int, factors: tuple[int, ...]) -> bool:
        """Whether n, with these ascending prime factors, belongs to the cell."""
        k = len(self.prefix)
        return (
            self.start <= n < self.bound
            and len(factors) > k
            and factors[:k] == self.prefix
            and self.low <= factors[k] < self.high
        )

    @classmethod
    def of_unit(cls, unit: Mapping[str, JSON]) -> Cell:
        """Raises `UnitError`."""
        record = Record(
            unit, name="unit", error=UnitError, required=("start", "bound", "prefix", "low", "high")
        )
        bound = record.integer("bound", minimum=BOUND_MIN, maximum=BOUND_MAX)
        start = record.integer("start", minimum=1, maximum=bound - 1)
        prefix = tuple(
            decode_small_integer(p, minimum=3, maximum=bound, field="unit.prefix", error=UnitError)
            for p in record.array("prefix", length_max=PREFIX_MAX)
        )
        if not all(map(is_prime_below_2_64, prefix)) or not is_admissible(prefix):
            raise UnitError("unit.prefix", "no Carmichael number has it", "give admissible primes")
        low = record.integer("low", minimum=max((2, *prefix)) + 1, maximum=bound)
        high = record.integer("high", minimum=low, maximum=bound)
        return cls(start, bound, prefix, low, high)

    def to_unit(self) -> Unit:
        """The inverse of `of_unit`."""
        return {
            "start": str(self.start),
            "bound": str(self.bound),
            "prefix": list(self.prefix),
            "low": str(self.low),
            "high": str(self.high),
        }


def is_admissible(primes: tuple[int, ...]) -> bool:
    """Whether ascending odd primes are distinct and none divides another less 1.

    Only then can they divide one Carmichael number n: it is coprime to n − 1, hence to each p − 1.
    """
    return all(p < q and (q - 1) % p != 0 for p, q in itertools.combinations(primes, 2))


def integer_root(number: int, degree: int) -> int:
    """⌊number^(1/degree)⌋ for number >= 0."""
    return int(iroot(number, degree)[0])
