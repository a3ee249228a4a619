"""Write the state diagrams in docs/architecture.md from the transition tables of the code.

Run after a table has changed: `.venv/bin/python scripts/make_diagrams.py`. A test compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from newral_coordinator.states import job, lease, stage, unit
from newral_coordinator.states.transition import Table, mermaid
from newral_node import states as node_states

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "architecture.md"

TABLES: Final[Mapping[str, Table[Any]]] = {
    "job": job.TRANSITIONS,
    "stage": stage.TRANSITIONS,
    "unit": unit.TRANSITIONS,
    "lease": lease.TRANSITIONS,
    "node-lease": {start: frozenset(ends) for start, ends in node_states.TRANSITIONS.items()},
}
"""By the name that the document's markers use."""

_BLOCK: Final = re.compile(
    r"(?P<begin><!-- diagram: (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end of diagram -->)",
    re.DOTALL,
)


class UnknownDiagram(ValueError):
    """The document's markers and the tables do not name the same diagrams."""


def diagram(table: Table[StrEnum]) -> str:
    """A table as a fenced Mermaid block."""
    return f"```mermaid\n{mermaid(table)}\n```\n"


def with_diagrams(document: str) -> str:
    """The document with what stands between each pair of markers made again.

    Raises `UnknownDiagram` unless the markers name every table, and nothing else.
    """
    named = [match["name"] for match in _BLOCK.finditer(document)]
    if sorted(named) != sorted(TABLES):
        raise UnknownDiagram(f"the document has markers for {named}, the code has {list(TABLES)}")
    return _BLOCK.sub(
        lambda match: f"{match['begin']}{diagram(TABLES[match['name']])}{match['end']}", document
    )


def main() -> None:
    """Rewrite the document in place."""
    before = DOCUMENT.read_text(encoding="utf-8")
    after = with_diagrams(before)
    DOCUMENT.write_text(after, encoding="utf-8")
    sys.stderr.write(f"{DOCUMENT.name}: {'unchanged' if after == before else 'rewritten'}\n")


if __name__ == "__main__":
    main()
