"""Printing: data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console


PIPE_COLUMNS: Final = 240
"""Of a table that no terminal shows: nothing is cut for want of room."""


def print_json(value: Any) -> None:
    """One JSON value on one line of stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_line(text: str = "") -> None:
    """One line of data on stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """One line for people on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def progress_console() -> Console:
    """Where progress is drawn: stderr."""
    from rich.console import Console

    return Console(stderr=True)


def print_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a table on stdout: plain text, so that hostile names cannot style the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(row.get(column, "")))) for column in columns))
    Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(table)


def printable(text: str) -> str:
    """Text from strangers without control characters, which could drive the terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
