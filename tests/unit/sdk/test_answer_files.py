"""Answers as files: what is read back is what was found."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pytest

from newral.answer_files import FORMATS, InvalidFile, format_of, require_distinct, write_answer
from newral.answer_picture import draw, require_picture
from newral_kernels.registry import get
from newral_kernels.view import Cell, Column, FactoredView, Plot, Series, View, load

LARGE = 2**100 - 15
ITEMS = [{"n": "561", "factors": [3, 11, 17]}, {"n": str(7 * LARGE), "factors": [7, str(LARGE)]}]
ANSWER: dict[str, Any] = {"count": 2, "items": ITEMS}


def test_csv_has_numbers_of_any_size_in_decimal(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    write_answer(file, "csv", FactoredView(), ANSWER)
    with file.open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows == [
        ["n", "factors"],
        ["561", "3 11 17"],
        [str(7 * LARGE), f"7 {LARGE}"],
    ]


def test_parquet_has_exact_integers_and_lists(tmp_path: Path) -> None:
    file = tmp_path / "it's a table.parquet"
    write_answer(file, "parquet", FactoredView(), ANSWER)
    with duckdb.connect() as connection:
        rows = connection.read_parquet(str(file)).fetchall()
    assert rows == [
        (Decimal(561), [Decimal(3), Decimal(11), Decimal(17)]),
        (Decimal(7 * LARGE), [Decimal(7), Decimal(LARGE)]),
    ]


@pytest.mark.parametrize("format_", FORMATS)
def test_an_empty_answer_has_an_empty_table(tmp_path: Path, format_: Any) -> None:
    file = tmp_path / f"table.{format_}"
    write_answer(file, format_, FactoredView(), {"count": 0, "items": []})
    if format_ == "csv":
        assert file.read_text() == "n,factors\n"
    elif format_ == "json":
        assert json.loads(file.read_bytes()) == {"count": 0, "items": []}
    else:
        with duckdb.connect() as connection:
            assert connection.read_parquet(str(file)).columns == ["n", "factors"]


def test_a_number_too_long_for_parquet_is_an_error_that_says_so(tmp_path: Path) -> None:
    answer = {"count": 1, "items": [{"n": str(10**38), "factors": [2]}]}
    with pytest.raises(InvalidFile, match="38 digits"):
        write_answer(tmp_path / "table.parquet", "parquet", FactoredView(), answer)
    answer = {"count": 1, "items": [{"n": str(10**38 - 1), "factors": [2]}]}
    write_answer(tmp_path / "table.parquet", "parquet", FactoredView(), answer)


class Words(View):
    columns: ClassVar[tuple[Column, ...]] = (Column("word", "text"), Column("empty", "text"))

    def rows(self, answer: Mapping[str, Any]) -> Iterator[tuple[Cell, ...]]:
        return ((word, "") for word in answer["words"])


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_texts_are_kept_as_they_are(tmp_path: Path, format_: Any) -> None:
    words = ["a,b", 'say "so"', "two\nlines", "ü", "007"]
    file = tmp_path / f"table.{format_}"
    write_answer(file, format_, Words(), {"words": words})
    with duckdb.connect() as connection:
        if format_ == "parquet":
            assert connection.read_parquet(str(file)).fetchall() == [(word, "") for word in words]
    if format_ == "csv":
        with file.open(newline="") as stream:
            assert list(csv.reader(stream))[1:] == [[word, ""] for word in words]


@pytest.mark.parametrize(
    ("name", "given", "chosen"),
    [("a.json", None, "json"), ("a.CSV", None, "csv"), ("a.txt", "parquet", "parquet")],
)
def test_the_suffix_is_the_format_unless_one_is_given(
    tmp_path: Path, name: str, given: str | None, chosen: str
) -> None:
    assert format_of(tmp_path / name, given, FactoredView()) == chosen


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("a.txt", None, "the formats are json, csv, parquet"),
        ("a", None, "names no format"),
        ("a.csv", "xls", "'xls' is no format"),
        ("missing/a.csv", None, "there is no folder"),
        ("", "csv", "is a folder"),
    ],
)
def test_what_cannot_be_written_is_said_beforehand(
    tmp_path: Path, name: str, given: str | None, message: str
) -> None:
    with pytest.raises(InvalidFile, match=message):
        format_of(tmp_path / name, given, FactoredView())


def test_a_kernel_without_a_table_offers_json() -> None:
    assert format_of(Path("a.json"), None, View()) == "json"
    with pytest.raises(InvalidFile, match="write them as json"):
        format_of(Path("a.csv"), None, View())


PLOT = Plot(
    title="t",
    x_label="x",
    y_label="y",
    series=(
        Series(label="points", points=((1.0, 1.0), (10.0, 5.0)), joined=False),
        Series(label="line", points=((1.0, 1.0), (10.0, 6.0)), joined=True),
    ),
    logarithmic=True,
)


def test_one_file_for_two_things_is_refused(tmp_path: Path) -> None:
    file, other = tmp_path / "a.csv", tmp_path / "b.csv"
    require_distinct(file, None, other, None)
    with pytest.raises(InvalidFile, match="named 2 times"):
        require_distinct(file, other, tmp_path / "." / "a.csv")


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_picture_is_drawn_the_same_each_time(tmp_path: Path, suffix: str, magic: bytes) -> None:
    first, second = tmp_path / f"1{suffix}", tmp_path / f"2{suffix}"
    draw(PLOT, first)
    draw(PLOT, second)
    assert first.read_bytes().startswith(magic)
    assert first.read_bytes() == second.read_bytes()


def test_a_picture_that_cannot_be_drawn_is_refused_beforehand() -> None:
    carmichael, merge = get("carmichael"), get("carmichael-merge")
    require_picture(Path("a.png"), carmichael, load(carmichael))
    with pytest.raises(InvalidFile, match=r"\.png, \.svg"):
        require_picture(Path("a.gif"), carmichael, load(carmichael))
    with pytest.raises(InvalidFile, match="carmichael-merge has no picture"):
        require_picture(Path("a.png"), merge, load(merge))
