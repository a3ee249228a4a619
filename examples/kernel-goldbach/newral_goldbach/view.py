"""How answers are shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import ClassVar

from newral_kernels.kernel import JSON
from newral_kernels.view import Cell, Column, Plot, Series, View, objects


class GoldbachView(View):
    """The records: as a table, and as a picture."""

    columns: ClassVar[tuple[Column, ...]] = (Column("n", "integer"), Column("p", "integer"))

    def count(self, answer: Mapping[str, JSON]) -> int:
        """The records."""
        return len(list(self.rows(answer)))

    def rows(self, answer: Mapping[str, JSON]) -> Iterator[tuple[Cell, ...]]:
        """Each n with its least prime p."""
        for record in objects(answer, "records"):
            yield int(str(record["n"])), int(str(record["p"]))

    def plot(self, params: Mapping[str, JSON], answer: Mapping[str, JSON]) -> Plot:
        """The records' p, beside the heuristic growth ln² n · ln ln n (Granville, van de Lune and
        te Riele, 1989)."""
        found = [(n, p) for n, p in self.rows(answer) if isinstance(n, int) and isinstance(p, int)]
        return Plot(
            title=f"Goldbach partitions from {params['start']} to {params['stop']}",
            x_label="n",
            y_label="least prime p",
            series=(
                Series(label="records", points=tuple(found), joined=False),
                Series(
                    label="ln² n · ln ln n",
                    points=tuple((n, math.log(n) ** 2 * math.log(math.log(n))) for n, _ in found),
                    joined=True,
                ),
            ),
            logarithmic=True,
        )
