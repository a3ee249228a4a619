"""An answer in a file: whole, as JSON; or its table of findings, as CSV or Parquet."""

from __future__ import annotations

import csv
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from newral.errors import NewralError
from newral.extras import require
from newral_kernels.view import Cell, Column, View
from newral_spec.canonical import canonical_json

FileFormat: TypeAlias = Literal["json", "csv", "parquet"]
FORMATS: Final[tuple[FileFormat, ...]] = get_args(FileFormat)

DECIMAL: Final = "DECIMAL(38, 0)"
"""The widest integer that Parquet holds exactly."""

_PARQUET_TYPES: Final = {"integer": DECIMAL, "integers": f"{DECIMAL}[]", "text": "VARCHAR"}
_LIST_SEPARATOR: Final = " "


class InvalidFile(NewralError):
    """A file that cannot be written as it was asked for."""

    exit_code = 2


def format_of(file: Path, given: str | None, view: View) -> FileFormat:
    """The format, from the file's suffix where none is given, to be asked before computing.

    Raises `InvalidFile`, and `MissingExtra` where the format needs a package that is not installed.
    """
    name = given or file.suffix.removeprefix(".").lower()
    chosen = next((each for each in FORMATS if each == name), None)
    if chosen is None:
        wrong = f"{given!r} is no format" if given else f"{file}: its suffix names no format"
        raise InvalidFile(f"{wrong}; the formats are {', '.join(FORMATS)}")
    if chosen != "json" and not view.columns:
        raise InvalidFile(f"{file}: these answers have no table; write them as json")
    if chosen == "parquet":
        require("tables")
    require_place(file)
    return chosen


def require_place(file: Path) -> None:
    """Raises `InvalidFile` when no file can be written there: better now than after hours."""
    folder = file.absolute().parent
    if not folder.is_dir():
        raise InvalidFile(f"{file}: there is no folder {file.parent}")
    if file.is_dir():
        raise InvalidFile(f"{file} is a folder; name a file in it")
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise InvalidFile(f"{file}: permission to write there is missing")


def require_distinct(*files: Path | None) -> None:
    """Raises `InvalidFile` when one file is to be written twice."""
    places = Counter(file.resolve() for file in files if file is not None)
    for place, times in places.items():
        if times > 1:
            raise InvalidFile(f"{place} is named {times} times; give each its own file")


def write_answer(file: Path, format_: FileFormat, view: View, answer: Mapping[str, Any]) -> None:
    """Write the whole answer as canonical JSON, or its table. Raises `InvalidFile`."""
    try:
        if format_ == "json":
            file.write_bytes(canonical_json(dict(answer)) + b"\n")
        elif format_ == "csv":
            _write_csv(file, view.columns, view.rows(answer))
        else:
            _write_parquet(file, view.columns, view.rows(answer))
    except OSError as error:
        raise InvalidFile(f"{file}: {error.strerror}") from error


def _write_csv(file: Path, columns: Iterable[Column], rows: Iterable[tuple[Cell, ...]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(column.name for column in columns)
        writer.writerows(map(_text, row) for row in rows)


def _text(cell: Cell) -> str:
    return str(cell) if isinstance(cell, int | str) else _LIST_SEPARATOR.join(map(str, cell))


def _write_parquet(file: Path, columns: Sequence[Column], rows: Iterable[tuple[Cell, ...]]) -> None:
    import duckdb

    types = {column.name: "VARCHAR" for column in columns}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        table = Path(folder) / "table.csv"
        _write_csv(table, columns, rows)
        try:
            texts = connection.read_csv(str(table), header=True, dtype=types)
            texts.project(", ".join(map(_selected, columns))).write_parquet(str(file))
        except duckdb.ConversionException as error:
            raise InvalidFile(
                f"{file}: a number has more than 38 digits, which Parquet cannot hold;"
                " write it as csv"
            ) from error


def _selected(column: Column) -> str:
    text = f"coalesce({column.name}, '')" if column.kind == "text" else column.name
    if column.kind == "integers":
        text = f"string_split({text}, '{_LIST_SEPARATOR}')"
    return f"CAST({text} AS {_PARQUET_TYPES[column.kind]}) AS {column.name}"
