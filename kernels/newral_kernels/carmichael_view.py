"""Carmichael numbers as a table, by magnitude, and as a picture beside what is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from newral_kernels.kernel import JSON
from newral_kernels.view import FactoredView, Plot, Point, Series, counted, numbers

# Below 10^3, 10^4, …: R. G. E. Pinch up to 10^21 (ANTS 2006 and later), as in OEIS A055553.
KNOWN_COUNTS: Final = (
    1,
    7,
    16,
    43,
    105,
    255,
    646,
    1_547,
    3_605,
    8_241,
    19_279,
    44_706,
    105_212,
    246_683,
    585_355,
    1_401_644,
    3_381_806,
    8_220_777,
    20_138_200,
)
SMALLEST: Final = 561
FITTED: Final = 1.866
"""The k that gives the count at 10^21; those from 10^11 on give 1.863 to 1.866."""
STEPS_PER_DECADE: Final = 8


class CarmichaelView(FactoredView):
    """Of the kernel `carmichael`."""

    def plot(self, params: Mapping[str, JSON], answer: Mapping[str, JSON]) -> Plot:
        """Count against bound, with the counts known and two estimates.

        C(x) = x·exp(−k ln x · ln ln ln x / ln ln x): P. Erdős (1956) proved it as an upper bound
        with k = 1 + o(1), and C. Pomerance (1981) expects it to be the truth; Pinch tabulated the
        k that fits what has been counted.
        """
        start, bound = int(str(params["start"])), int(str(params["bound"]))
        found = counted(numbers(answer), _steps(max(start, SMALLEST), bound))
        is_class = "preproduct_below" in params  # of which nothing is known to compare with
        whole = start <= SMALLEST and not is_class
        drawn = _steps(max(start, SMALLEST), max(bound, 10**21 if whole else bound))
        known = enumerate(KNOWN_COUNTS, start=3) if whole else ()
        series = [
            Series(
                label=f"found here: {self.count(answer):,}",
                points=tuple((x, y) for x, y in found if y),
                joined=False,
            ),
            Series(
                label="known (Pinch; Shallue and Webster)",
                points=tuple((10.0**power, count) for power, count in known),
                joined=False,
            ),
        ]
        if not is_class:
            series.append(_estimate(f"k = {FITTED} (fitted, after Pinch)", FITTED, drawn, start))
            series.append(_estimate("k = 1 (Erdős, Pomerance)", 1.0, drawn, start))
        return Plot(
            title=f"Carmichael numbers from {start:,} to {bound:,}",
            x_label="bound x",
            y_label="Carmichael numbers below x",
            series=tuple(each for each in series if each.points),
            logarithmic=True,
        )


def _steps(low: int, high: int) -> list[int]:
    """From `low` to `high`, evenly by their logarithms."""
    count = max(math.ceil(math.log10(high / low) * STEPS_PER_DECADE), 1)
    inner = (round(low * (high / low) ** (i / count)) for i in range(1, count))
    return [*inner, high]


def _estimate(label: str, k: float, bounds: list[int], start: int) -> Series:
    def below(x: float) -> float:
        logarithm = math.log(x)
        return x * math.exp(-k * logarithm * math.log(math.log(logarithm)) / math.log(logarithm))

    already = below(start) if start > SMALLEST else 0.0
    points: list[Point] = [(x, below(x) - already) for x in bounds]
    return Series(label=label, points=tuple(p for p in points if p[1] > 0), joined=True)
