"""A node's status for its owner."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from newral.cli.console import print_line, print_table, printable
from newral.cli.values import credits_text

VERDICTS_SHOWN: Final = 5


def show_status(status: Mapping[str, Any]) -> None:
    """What the node does, what it has earned, its units, its relays, its last verdicts."""
    why = f": {status['why']}" if status["why"] else ""
    print_line(printable(f"{status['state']}{why}"))
    print_line(
        f"{credits_text(status['credits'])} credits earned; units: {status['accepted']} accepted,"
        f" {status['rejected']} rejected, {status['refused']} not considered"
    )
    for relay in status["relays"]:
        state = "connected" if relay["connected"] else f"not connected: {relay['error']}"
        print_line(printable(f"relay {relay['url']} {state}"))
    if status["page"] is not None:
        print_line(f"page {status['page']}")
    if status["units"]:
        print_line()
        print_table(("unit", "kernel", "state", "progress"), [_unit(u) for u in status["units"]])
    if status["verdicts"]:
        print_line()
        verdicts = status["verdicts"][:VERDICTS_SHOWN]
        print_table(
            ("last verdicts", "outcome", "credits", "reason"), [_verdict(v) for v in verdicts]
        )


def _unit(unit: Mapping[str, Any]) -> dict[str, str]:
    return {
        "unit": unit["lease"][:12],
        "kernel": unit["kernel"],
        "state": unit["state"],
        "progress": f"{unit['progress']:.0%}",
    }


def _verdict(verdict: Mapping[str, Any]) -> dict[str, str]:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(verdict["created_at"]))
    return {
        "last verdicts": at,
        "outcome": verdict["outcome"],
        "credits": credits_text(verdict["credits"]),
        "reason": verdict["reason"],
    }
