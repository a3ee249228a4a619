"""What a unit of the search for base-2 pseudoprimes covers, and the parts that it commits to."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from newral_kernels.commitment import LEAVES_MAX
from newral_kernels.errors import UnitError
from newral_kernels.gmp import iroot
from newral_kernels.kernel import JSON, Unit
from newral_kernels.reading import Record

P_MIN: Final = 3  # base-2 pseudoprimes are odd
STOP_MAX: Final = 2**66  # √n, up to which there is a p, stays below 2^33
HIGH_MAX: Final = 2**33
COFACTOR_MAX: Final = 2**63  # cofactors are machine words, with a bit to spare
WIDTH_MAX: Final = 10**18  # some 9 core-hours from p = 39,000 on

SIEVE_STOP: Final = 2**16  # primes of the sieve are below it
LEAF_SIZE_MIN: Final = 2**14  # terms or integers: some 0.1 ms, as much as a leaf costs by itself
TERMS_PER_PRIME_MIN: Final = 256  # fewer, and the orders are most of the work
SPAN_MAX: Final = 2**26  # of p, where all of them are in memory together
QUOTIENT_MAX: Final = 2**49  # n/p, where n has more than two prime factors: exact in doubles

Factors: TypeAlias = Literal["any", "two", "more"]

_FACTORS: Final = re.compile("any|two|more")


@dataclass(frozen=True, slots=True)
class Domain:
    """The n with start <= n < stop whose least prime factor p has low <= p < high.

    Of these any, those with two prime factors, or those with more. Where the range of n is wide it
    is cheaper to search for the two sorts one after the other.
    """

    start: int
    stop: int
    low: int
    high: int
    factors: Factors = "any"

    @property
    def width(self) -> int:
        """How many n there are."""
        return self.stop - self.start

    @property
    def full_below(self) -> int:
        """From this p on every n has two prime factors: the least with p³ >= stop, or any."""
        if self.factors == "two":
            return P_MIN
        root, exact = iroot(self.stop, 3)
        return int(root) + (not exact)

    @property
    def seconds_stop(self) -> int:
        """The second of three prime factors is below it."""
        return math.isqrt((self.stop - 1) // self.low) + 1

    @property
    def by_terms(self) -> bool:
        """Whether leaves are cut by the terms of the progressions, or else by primes."""
        if self.factors == "more":
            return False
        span = self.high - self.low
        return TERMS_PER_PRIME_MIN * self.high**2 <= self.width and span <= SPAN_MAX

    @property
    def leaves(self) -> int:
        """How many leaves the unit has, at most 4096."""
        size = self.high - self.low
        if self.factors == "more":
            size *= max(self.seconds_stop - self.low, 0)
        elif self.by_terms:
            size = self.width * size // (self.low * self.high)
        return min(max(size // LEAF_SIZE_MIN, 1), LEAVES_MAX)

    def holds(self, n: int, factors: tuple[int, ...]) -> bool:
        """Whether n, with these ascending prime factors, belongs to the domain."""
        wanted = {"any": True, "two": len(factors) == 2, "more": len(factors) > 2}
        return (
            self.start <= n < self.stop
            and self.low <= factors[0] < self.high
            and wanted[self.factors]
        )

    @classmethod
    def of_unit(cls, unit: Mapping[str, JSON]) -> Domain:
        """Raises `UnitError`."""
        record = Record(
            unit,
            name="unit",
            error=UnitError,
            required=("start", "stop", "low", "high", "factors"),
        )
        text = record.text("factors", _FACTORS)
        factors: Factors = "two" if text == "two" else "more" if text == "more" else "any"
        start = record.integer("start", minimum=1, maximum=STOP_MAX - 1)
        low = record.integer("low", minimum=P_MIN, maximum=HIGH_MAX - 1)
        most = low * (QUOTIENT_MAX if factors == "more" else COFACTOR_MAX)
        most = min(start + WIDTH_MAX, STOP_MAX, most)
        stop = record.integer("stop", minimum=start + 1, maximum=most)
        most = min(low + SPAN_MAX, HIGH_MAX) if factors == "more" else HIGH_MAX
        high = record.integer("high", minimum=low + 1, maximum=most)
        return cls(start, stop, low, high, factors)

    def to_unit(self) -> Unit:
        """The inverse of `of_unit`."""
        return {
            "start": str(self.start),
            "stop": str(self.stop),
            "low": str(self.low),
            "high": str(self.high),
            "factors": self.factors,
        }
