"""Verdicts on unit results, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from newral.cli.console import print_line, print_table


def show_verdicts(verdicts: Sequence[Mapping[str, Any]]) -> None:
    """A line for each, and what checking took beside what computing cost."""
    rows = [
        {
            **verdict,
            "covered": f"{verdict['covered']:.1%}",
            "cost": f"{verdict['cost_s']:.2f} s",
            "check": f"{verdict['seconds']:.4f} s",
        }
        for verdict in verdicts
    ]
    print_table(("unit", "kernel", "verdict", "covered", "cost", "check", "why"), rows)
    refuted = sum(verdict["refuted"] for verdict in verdicts)
    cost_s = sum(verdict["cost_s"] for verdict in verdicts)
    seconds = sum(verdict["seconds"] for verdict in verdicts)
    print_line(
        f"{len(verdicts)} results, {refuted} refuted; checked in {seconds:.2f} s,"
        f" {_share(seconds, cost_s)} of the {cost_s:.2f} s that computing them costs"
    )


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "0%"
