"""JSON data for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from newral.cli.console import print_line, printable

SHOWN_MAX: Final = 20
"""Items of a long list that are shown; --output gives all."""

WIDTH_MAX: Final = 200
"""Characters of one value that are shown."""


def print_value(value: Mapping[str, Any]) -> None:
    """An answer, member by member, long lists cut short."""
    for name, member in value.items():
        if isinstance(member, list):
            print_line(f"{printable(name)}: {len(member)} items")
            for item in member[:SHOWN_MAX]:
                print_line(f"  {inline(item)}")
            if len(member) > SHOWN_MAX:
                print_line(f"  … and {len(member) - SHOWN_MAX} more (--output has all)")
        else:
            print_line(f"{printable(name)}: {inline(member)}")


def inline(value: Any) -> str:
    """A value on one line, cut where it is long."""
    if isinstance(value, Mapping):
        text = "  ".join(f"{name}={inline(member)}" for name, member in value.items())
    elif isinstance(value, list):
        text = " ".join(inline(member) for member in value[:SHOWN_MAX])
    else:
        text = str(value)
    text = printable(text)
    return text if len(text) <= WIDTH_MAX else text[: WIDTH_MAX - 1] + "…"


def credits_text(microcredits: int) -> str:
    """Micro-credits as credits.

    >>> credits_text(1_500_000), credits_text(-2), credits_text(3_000_000)
    ('1.5', '-0.000002', '3')
    """
    sign = "-" if microcredits < 0 else ""
    whole, fraction = divmod(abs(microcredits), 1_000_000)
    return f"{sign}{whole}.{fraction:06d}".rstrip("0").rstrip(".")
