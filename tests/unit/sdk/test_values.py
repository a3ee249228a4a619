"""How values appear on a terminal."""

from __future__ import annotations

import pytest
import typer

from newral.cli.console import printable
from newral.cli.coordinator import parse_amount
from newral.cli.values import WIDTH_MAX, credits_text, inline


@pytest.mark.parametrize(
    ("microcredits", "text"),
    [(0, "0"), (1, "0.000001"), (1_500_000, "1.5"), (-2, "-0.000002"), (10**13, "10000000")],
)
def test_credits_are_exact(microcredits: int, text: str) -> None:
    assert credits_text(microcredits) == text


def test_a_stranger_cannot_drive_the_terminal() -> None:
    assert "\x1b" not in printable("\x1b[2Jgone\r")
    assert "\x1b" not in inline({"\x1b]0;title": ["\x07"]})


def test_a_long_value_is_cut() -> None:
    assert len(inline("9" * 10_000)) == WIDTH_MAX


@pytest.mark.parametrize(("text", "amount"), [("0", 0), ("0.0", 0), ("1", 10**6), ("2.5", 2500000)])
def test_an_amount_is_read_exactly(text: str, amount: int) -> None:
    assert parse_amount(text, "--price") == amount


@pytest.mark.parametrize("text", ["", "-1", "1e3", "many", "1.0000001", "."])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_amount(text, "--price")
