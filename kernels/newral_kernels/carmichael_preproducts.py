"""The units in which Carmichael numbers with small preproducts are listed, however large they are.

The *preproduct* of a number is here the product of all its prime factors but the two largest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from newral_kernels.errors import UnitError
from newral_kernels.kernel import JSON, Unit
from newral_kernels.reading import Record

PREPRODUCT_MIN: Final = 3
PREPRODUCT_MAX: Final = 2**20  # what the search multiplies stays below 2^62
BOUND_MAX: Final = 10**37
"""No Carmichael number n = P·q·r with P <= 2^20 is larger: q <= 2·P² and r <= P³ (Pinch, 1993)."""


@dataclass(frozen=True, slots=True)
class PreproductRange:
    """The n with start <= n < bound whose preproduct P is low <= P < high."""

    start: int
    bound: int
    low: int
    high: int

    def holds(self, n: int, factors: tuple[int, ...]) -> bool:
        """Whether n, with these ascending prime factors, belongs to the range."""
        return (
            self.start <= n < self.bound
            and len(factors) > 2
            and self.low <= math.prod(factors[:-2]) < self.high
        )

    @classmethod
    def of_unit(cls, unit: Mapping[str, JSON]) -> PreproductRange:
        """Raises `UnitError`."""
        fields = ("start", "bound", "preproduct_low", "preproduct_high")
        record = Record(unit, name="unit", error=UnitError, required=fields)
        bound = record.integer("bound", minimum=PREPRODUCT_MIN, maximum=BOUND_MAX)
        start = record.integer("start", minimum=1, maximum=bound - 1)
        low = record.integer("preproduct_low", minimum=PREPRODUCT_MIN, maximum=PREPRODUCT_MAX)
        high = record.integer("preproduct_high", minimum=low, maximum=PREPRODUCT_MAX)
        return cls(start, bound, low, high)

    def to_unit(self) -> Unit:
        """The inverse of `of_unit`."""
        return {
            "start": str(self.start),
            "bound": str(self.bound),
            "preproduct_low": str(self.low),
            "preproduct_high": str(self.high),
        }
