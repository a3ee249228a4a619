"""The figures in the documentation: what one reference machine measured with all peers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any, Self

from newral_kernels.benchmark.rows import Row
from newral_kernels.lanes import ifma


@dataclass(frozen=True, slots=True)
class Reference:
    """The output of `newral kernel bench --json` there."""

    rows: tuple[Row, ...]

    @classmethod
    def with_ifma(cls) -> Self:
        """By a processor with AVX-512 IFMA."""
        return cls._read("reference_ifma.json")

    @classmethod
    def without_ifma(cls) -> Self:
        """By the same, when the compiler may not use AVX-512."""
        return cls._read("reference.json")

    @classmethod
    def for_this_processor(cls) -> Self:
        """What to compare this machine with."""
        return cls.with_ifma() if ifma.is_available() else cls.without_ifma()

    @classmethod
    def _read(cls, name: str) -> Self:
        text = resources.files(__package__).joinpath(name).read_text("utf-8")
        return cls(tuple(map(_row, json.loads(text))))

    def row(self, like: Row) -> Row | None:
        """The row for the same function and input; None when it was not measured."""
        for row in self.rows:
            if (row.function, row.bits, row.input) == (like.function, like.bits, like.input):
                return row
        return None


def _row(value: dict[str, Any]) -> Row:
    return Row(
        function=value["function"],
        bits=value["bits"],
        input=value["input"],
        ours_ns=value["ours_ns"],
        peers=value["peers"],
    )
