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


LIBRARIES: Final = {
    "FLINT": ("flint",),
    "GMP": ("gmp", "gmpy2"),
    "Math::Prime::Util": ("math-prime-util",),
    "PARI": ("pari",),
}
"""The columns of peers, and how the names of their functions begin."""


def functions_table(rows: list[Row]) -> str:
    """Our time and each library's best, as Markdown."""
    lines = [_line(["function", "bits", "input", "ours", "ratio", *LIBRARIES])]
    lines.append("|" + "---|" * (5 + len(LIBRARIES)))
    for row in rows:
        cells = [f"`{row.function}`", str(row.bits), row.input, duration(row.ours_ns)]
        cells += [f"**{row.ratio_to_best:.2f}**"]
        cells += [_best(row, beginnings) for beginnings in LIBRARIES.values()]
        lines.append(_line(cells))
    return "\n".join(lines) + "\n"


def kernels_table(rows: list[Row]) -> str:
    """Our time, as Markdown."""
    lines = [_line(["kernel", "for", "time"]), "|---|---|---|"]
    lines += [_line([f"`{row.function}`", row.input, duration(row.ours_ns)]) for row in rows]
    return "\n".join(lines) + "\n"


def _best(row: Row, beginnings: tuple[str, ...]) -> str:
    times = [ns for name, ns in row.peers.items() if name.partition(".")[0] in beginnings]
    return duration(min(times)) if times else "–"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def with_tables(document: str) -> str:
    """The document with what stands between each pair of markers made again."""
    rows = Reference.load().rows
    tables = {
        "functions": functions_table([row for row in rows if row.peers]),
        "kernels": kernels_table([row for row in rows if not row.peers]),
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
