"""The figures in the documentation: what one reference machine measured with all peers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any, Self

from newral_kernels.benchmark.rows import Row


@dataclass(frozen=True, slots=True)
class Reference:
    """The output of `newral kernel bench --json` there."""

    rows: tuple[Row, ...]

    @classmethod
    def load(cls) -> Self:
        """What this version was published with."""
        text = resources.files(__package__).joinpath("reference.json").read_text("utf-8")
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
