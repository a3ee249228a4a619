"""Write the table of measurements in docs/benchmarks.md from what was measured for it.

Run after measuring, on a processor with AVX-512 IFMA, from the root:

    reference=kernels/newral_kernels/benchmark/reference
    newral kernel bench --json > ${reference}_ifma.json
    export NUMBA_CPU_NAME=znver3 NUMBA_CPU_FEATURES=+avx2,+bmi,+bmi2,+adx,+lzcnt,+popcnt,+fma
    newral kernel bench --json > $reference.json
    .venv/bin/python scripts/make_benchmarks.py

A test compares the document.
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


def functions_table() -> str:
    """Our time, with AVX-512 IFMA and without, and each library's best, as Markdown."""
    without = Reference.without_ifma()
    head = ["function", "bits", "input", "ours", "ratio", "without IFMA", "ratio", *LIBRARIES]
    lines = [_line(head), "|" + "---|" * len(head)]
    for row in Reference.with_ifma().rows:
        if row.peers:
            cells = [f"`{row.function}`", str(row.bits), row.input, *_ours(row)]
            cells += _ours(without.row(row))
            cells += [_best(row, beginnings) for beginnings in LIBRARIES.values()]
            lines.append(_line(cells))
    return "\n".join(lines) + "\n"


def kernels_table() -> str:
    """Our time, with AVX-512 IFMA and without, as Markdown."""
    without = Reference.without_ifma()
    lines = [_line(["kernel", "for", "time", "without IFMA"]), "|---|---|---|---|"]
    for row in Reference.with_ifma().rows:
        if not row.peers:
            slower = without.row(row)
            times = [duration(each.ours_ns) if each else "–" for each in (row, slower)]
            lines.append(_line([f"`{row.function}`", row.input, *times]))
    return "\n".join(lines) + "\n"


def _ours(row: Row | None) -> tuple[str, str]:
    return (duration(row.ours_ns), f"**{row.ratio_to_best:.2f}**") if row else ("–", "–")


def _best(row: Row, beginnings: tuple[str, ...]) -> str:
    times = [ns for name, ns in row.peers.items() if name.partition(".")[0] in beginnings]
    return duration(min(times)) if times else "–"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def with_tables(document: str) -> str:
    """The document with what stands between each pair of markers made again."""
    tables = {"functions": functions_table, "kernels": kernels_table}
    return _BLOCK.sub(
        lambda match: match["begin"] + tables[match["which"]]() + match["end"], document
    )


def main() -> None:
    """Rewrite the document in place."""
    before = DOCUMENT.read_text(encoding="utf-8")
    after = with_tables(before)
    DOCUMENT.write_text(after, encoding="utf-8")
    sys.stderr.write(f"{DOCUMENT.name}: {'unchanged' if after == before else 'rewritten'}\n")


if __name__ == "__main__":
    main()
