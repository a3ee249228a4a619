"""`newral kernel bench`: one list for programs, a table for people."""

from __future__ import annotations

import json

import pytest

from newral.cli import main


def bench(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["kernel", "bench", *arguments])
    return ended.value.code if isinstance(ended.value.code, int) else 1


def test_for_programs_it_prints_one_list_of_rows(capsys: pytest.CaptureFixture[str]) -> None:
    function = "is_strong_probable_prime"
    assert bench("--json", "--quick", "--function", function) == 0
    printed = capsys.readouterr()
    rows = json.loads(printed.out)
    assert rows
    for row in rows:
        assert set(row) == {"function", "bits", "input", "ours_ns", "peers", "ratio_to_best"}
        assert row["function"] == function
        assert row["ours_ns"] > 0
        assert row["ratio_to_best"] == pytest.approx(
            row["ours_ns"] / min(row["peers"].values()), rel=0.02, abs=0.001
        )
    for peer in ("GMP", "FLINT", "PARI", "Math::Prime::Util"):
        assert peer in printed.err


def test_for_people_it_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--quick", "--function", "bpsw") == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert "docs: ours" in header
    assert all(row.startswith("bpsw ") for row in rows)
    assert "none" in rows[0]


def test_an_unknown_function_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--function", "nonsense") == 2
    said = capsys.readouterr()
    assert "'nonsense'" in said.err
    assert "is_bpsw_probable_prime" in said.err
    assert not said.out
