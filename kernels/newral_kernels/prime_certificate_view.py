"""How certificates are shown: which numbers are prime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from newral_kernels.kernel import JSON
from newral_kernels.view import Cell, Column, View, objects


class PrimeCertificateView(View):
    """Of answers whose `items` are certificates: see `certificates.forms`."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column("n", "integer"),
        Column("proved", "text"),
    )

    def rows(self, answer: Mapping[str, JSON]) -> Iterator[tuple[Cell, ...]]:
        """`n`, and whether it is prime."""
        for item in objects(answer, "items"):
            yield int(str(item["n"])), "prime" if "steps" in item else "composite"
