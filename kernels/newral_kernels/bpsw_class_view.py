"""The pseudoprimes of a class, beside the theorem that their search proved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from newral_kernels.kernel import JSON
from newral_kernels.view import Cell, Column, View, objects


class BpswClassView(View):
    """Of the kernel `bpsw-class`: what it looks for are hits."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column("n", "integer"),
        Column("factors", "integers"),
        Column("passes", "text"),
    )

    def count(self, answer: Mapping[str, JSON]) -> int:
        """The hits."""
        return len(list(objects(answer, "hits")))

    def rows(self, answer: Mapping[str, JSON]) -> Iterator[tuple[Cell, ...]]:
        """Each hit, with the stricter tests that it passes."""
        for hit in objects(answer, "hits"):
            factors = hit["factors"]
            assert isinstance(factors, list)
            passes = [name for name in ("strong", "strong_lucas", "bpsw") if hit[name]]
            yield int(str(hit["n"])), [int(str(p)) for p in factors], ", ".join(passes)
