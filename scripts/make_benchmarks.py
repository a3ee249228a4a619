"""Write the table of measurements in docs/benchmarks.md from what was measured for it.

Run after `newral kernel bench --json` was written to
kernels/newral_kernels/benchmark/reference.json: `.venv/bin/python scripts/make_benchmarks.py`.
A test compares.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from newral.cli.kernel_bench import duration
from newral_kernels.benchmark.reference import Reference
from newral_kernels.benchmark.rows import Row

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"

_BLOCK: Final = re.compile(
    r"(?P<begin><!-- measured: (?P<which>functions|kernels) -->\n).*?"
    r"(?P<end><!-- end of what was measured -->)",
    re.DOTALL,
)


def table(rows: list[Row]) -> str:
    """Our time and every peer's, as Markdown; the fastest peer in bold."""
    head = ["function", "bits", "input", "ours"]
    measured = any(row.peers for row in rows)
    head += ["ratio", "peers, the fastest first"] if measured else []
    lines = [_line(head), "|" + "---|" * len(head)]
    for row in rows:
        cells = [f"`{row.function}`", str(row.bits), row.input, duration(row.ours_ns)]
        if measured:
            ratio = row.ratio_to_best
            cells += ["" if ratio is None else f"**{ratio:.2f}**", _peers(row)]
        lines.append(_line(cells))
    return "\n".join(lines) + "\n"


def _peers(row: Row) -> str:
    fastest_first = sorted(row.peers.items(), key=lambda peer: peer[1])
    return ", ".join(f"{name} {duration(ns)}" for name, ns in fastest_first)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def with_tables(document: str) -> str:
    """The document with what stands between each pair of markers made again."""
    rows = Reference.load().rows
    tables = {
        "functions": table([row for row in rows if row.peers]),
        "kernels": table([row for row in rows if not row.peers]),
    }
    return _BLOCK.sub(
        lambda match: match["begin"] + tables[match["which"]] + match["end"], document
    )


def main() -> None:
    """Rewrite the document in place."""
    before = DOCUMENT.read_text(encoding="utf-8")
    after = with_tables(before)
    DOCUMENT.write_text(after, encoding="utf-8")
    sys.stderr.write(f"{DOCUMENT.name}: {'unchanged' if after == before else 'rewritten'}\n")


if __name__ == "__main__":
    main()
