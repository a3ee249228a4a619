"""What the search of a range found, beside how many primes it should hold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from newral_kernels.kernel import JSON
from newral_kernels.view import Cell, Column, Plot, Series, View, objects

STEPS: Final = 50


class BpswView(View):
    """Of the kernel `bpsw`: what it looks for are hits."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column("n", "integer"),
        Column("factors", "integers"),
        Column("witness", "integer"),
    )

    def count(self, answer: Mapping[str, JSON]) -> int:
        """The hits."""
        return len(list(objects(answer, "hits")))

    def rows(self, answer: Mapping[str, JSON]) -> Iterator[tuple[Cell, ...]]:
        """Each hit, with its prime factors and the base that refutes it."""
        for hit in objects(answer, "hits"):
            factors = hit["factors"]
            assert isinstance(factors, list)
            yield int(str(hit["n"])), [int(str(p)) for p in factors], int(str(hit["witness"]))

    def plot(self, params: Mapping[str, JSON], answer: Mapping[str, JSON]) -> Plot:
        """Probable primes, beside the primes to expect: one in ln n (the prime number theorem)."""
        start, stop = int(str(params["start"])), int(str(params["stop"]))
        found = int(str(answer["probable_primes"]))
        cuts = [(stop - start) * step // STEPS for step in range(STEPS + 1)]
        # ln n hardly changes within a range that can be searched.
        density = 1 / math.log((start + stop) // 2)
        return Plot(
            title=f"Probable primes from {start:,}",
            x_label=f"n - {start:,}",
            y_label="how many up to n",
            series=(
                Series(
                    label=f"probable primes: {found:,}",
                    points=((0.0, 0.0), (float(stop - start), float(found))),
                    joined=False,
                ),
                Series(
                    label=f"primes expected: {(stop - start) * density:,.0f}",
                    points=tuple((float(x), x * density) for x in cuts),
                    joined=True,
                ),
            ),
            logarithmic=False,
        )
