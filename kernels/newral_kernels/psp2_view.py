"""Base-2 pseudoprimes of an interval as a table, and as a picture of how they are spread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from newral_kernels.kernel import JSON
from newral_kernels.view import FactoredView, Plot, Series, counted, numbers

STEPS: Final = 200


class Psp2View(FactoredView):
    """Of the kernel `psp2`."""

    def plot(self, params: Mapping[str, JSON], answer: Mapping[str, JSON]) -> Plot:
        """How many there are up to n, beside an even spread of the same number.

        Over an interval that is short beside n, the density is nearly constant.
        """
        start, stop = int(str(params["start"])), int(str(params["stop"]))
        count = self.count(answer)
        cuts = sorted({start + (stop - start) * step // STEPS for step in range(STEPS + 1)})
        found = counted(numbers(answer), cuts)
        return Plot(
            title=f"Base-2 pseudoprimes from {start:,}",
            x_label=f"n - {start:,}",
            y_label="how many below n",
            series=(
                Series(
                    label=f"found: {count:,}",
                    points=tuple((float(n - start), float(below)) for n, below in found),
                    joined=False,
                ),
                Series(
                    label="evenly spread",
                    points=((0.0, 0.0), (float(stop - start), float(count))),
                    joined=True,
                ),
            ),
            logarithmic=False,
        )
