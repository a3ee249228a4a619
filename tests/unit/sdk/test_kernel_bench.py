"""`newral kernel bench`: one list for programs, a table for people."""

from __future__ import annotations

import json

import pytest

from newral.cli import main
from newral_kernels.benchmark import primality_rows
from newral_kernels.cuda import gpu


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


def test_nothing_is_measured_where_two_implementations_disagree(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    function = "is_strong_probable_prime"
    monkeypatch.setitem(primality_rows.OURS, function, lambda ns: [True for _ in ns])
    assert bench("--json", "--quick", "--function", function) == 1
    said = capsys.readouterr()
    assert "disagree" in said.err
    assert "ours: True, gmpy2.is_strong_prp: False" in said.err
    assert not said.out


def test_without_a_gpu_it_is_said_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "missing", lambda: "there is no NVIDIA GPU")
    assert bench("--function", "cuda.is_bpsw_probable_prime") == 1
    assert "there is no NVIDIA GPU" in capsys.readouterr().err


def test_an_unknown_function_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--function", "nonsense") == 2
    said = capsys.readouterr()
    assert "'nonsense'" in said.err
    assert "is_bpsw_probable_prime" in said.err
    assert not said.out
