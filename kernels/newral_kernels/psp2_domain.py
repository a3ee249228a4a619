"""What a unit of the search for base-2 pseudoprimes covers, and the parts that it commits to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from newral_kernels.commitment import LEAVES_MAX
from newral_kernels.errors import UnitError
from newral_kernels.gmp import iroot
from newral_kernels.kernel import JSON, Unit
from newral_kernels.reading import Record

P_MIN: Final = 3  # base-2 pseudoprimes are odd
STOP_MAX: Final = 2**66  # √n, up to which there is a p, stays below 2^33
HIGH_MAX: Final = 2**33
COFACTOR_MAX: Final = 2**63  # cofactors are machine words, with a bit to spare
WIDTH_MAX: Final = 10**18  # some 15 core-hours from p = 39,000 on

SIEVE_STOP: Final = 2**16  # primes of the sieve are below it
LEAF_SIZE_MIN: Final = 2**14  # terms or integers: some 0.1 ms, as much as a leaf costs by itself
TERMS_PER_PRIME_MIN: Final = 256  # fewer, and the orders are most of the work
SPAN_MAX: Final = 2**26  # of p, whose progressions fit in memory together


@dataclass(frozen=True, slots=True)
class Domain:
    """The n with start <= n < stop whose least prime factor p has low <= p < high."""

    start: int
    stop: int
    low: int
    high: int

    @property
    def width(self) -> int:
        """How many n there are."""
        return self.stop - self.start

    @property
    def full_below(self) -> int:
        """From this p on n has two prime factors: it is the least p with p³ >= stop."""
        root, exact = iroot(self.stop, 3)
        return int(root) + (not exact)

    @property
    def by_terms(self) -> bool:
        """Whether leaves are cut by the terms of the progressions, or else by p."""
        span = self.high - self.low
        return TERMS_PER_PRIME_MIN * self.high**2 <= self.width and span <= SPAN_MAX

    @property
    def leaves(self) -> int:
        """How many leaves the unit has, at most 4096."""
        span = self.high - self.low
        size = self.width * span // (self.low * self.high) if self.by_terms else span
        return min(max(size // LEAF_SIZE_MIN, 1), LEAVES_MAX)

    def holds(self, n: int, factors: tuple[int, ...]) -> bool:
        """Whether n, with these ascending prime factors, belongs to the domain."""
        return self.start <= n < self.stop and self.low <= factors[0] < self.high

    @classmethod
    def of_unit(cls, unit: Mapping[str, JSON]) -> Domain:
        """Raises `UnitError`."""
        record = Record(
            unit, name="unit", error=UnitError, required=("start", "stop", "low", "high")
        )
        start = record.integer("start", minimum=1, maximum=STOP_MAX - 1)
        low = record.integer("low", minimum=P_MIN, maximum=HIGH_MAX - 1)
        most = min(start + WIDTH_MAX, STOP_MAX, low * COFACTOR_MAX)
        stop = record.integer("stop", minimum=start + 1, maximum=most)
        high = record.integer("high", minimum=low + 1, maximum=HIGH_MAX)
        return cls(start, stop, low, high)

    def to_unit(self) -> Unit:
        """The inverse of `of_unit`."""
        return {
            "start": str(self.start),
            "stop": str(self.stop),
            "low": str(self.low),
            "high": str(self.high),
        }
