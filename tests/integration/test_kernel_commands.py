"""Kernels from the command line, without a market."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil

CARMICHAEL_NUMBERS_BELOW_10_TO_7 = 105


def newral(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "newral", "kernel", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_kernel_runs_here_and_its_results_can_be_checked(tmp_path: Path) -> None:
    results, answer = tmp_path / "results.jsonl", tmp_path / "answer.json"
    done = newral(
        "run", "carmichael", "10^7", "--cores=2", "--results", results, "--output", answer, "--json"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["count"] == CARMICHAEL_NUMBERS_BELOW_10_TO_7
    assert told["seconds"] > 0
    assert len(told["digest"]) == 64
    assert len(done.stdout) < 1000
    assert len(json.loads(answer.read_bytes())["items"]) == CARMICHAEL_NUMBERS_BELOW_10_TO_7
    assert "units" in done.stderr

    checked = newral("check", results, "--json")
    assert checked.returncode == 0, checked.stderr
    verdicts = json.loads(checked.stdout)
    assert {verdict["verdict"] for verdict in verdicts} == {"plausible"}
    assert all(verdict["cost_s"] > 0 and verdict["seconds"] >= 0 for verdict in verdicts)


def test_params_may_be_options_and_the_table_and_picture_are_files(tmp_path: Path) -> None:
    table, picture = tmp_path / "table.csv", tmp_path / "picture.svg"
    done = newral(
        *("run", "carmichael", "--start", "10^3", "--bound=10^5", "--cores=1"),
        *("--output", table, "--plot", picture),
    )
    assert done.returncode == 0, done.stderr
    lines = table.read_text().splitlines()
    assert lines[:2] == ["n,factors", "1105,5 13 17"]
    assert len(lines) == 16
    assert "<svg" in picture.read_text()
    assert re.search(r"^10\^4 +6 *$", done.stdout, re.MULTILINE)


def test_the_same_job_has_the_same_digest_on_any_number_of_cores() -> None:
    digests = {
        json.loads(newral("run", "carmichael", "10^8", f"--cores={cores}", "--json").stdout)[
            "digest"
        ]
        for cores in (1, 3)
    }
    assert len(digests) == 1


def test_a_kernels_help_shows_its_params() -> None:
    done = newral("run", "carmichael", "--help")
    assert done.returncode == 0
    assert re.search("--start +and not below this", done.stdout)


def test_an_altered_result_is_refuted(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    assert newral("run", "carmichael", "10^6", "--results", results).returncode == 0
    text = results.read_text()
    assert '"561"' in text
    results.write_text(text.replace('"561"', '"563"'))
    checked = newral("check", results)
    assert checked.returncode == 1
    assert "refuted" in checked.stdout


def test_what_a_kernel_does_not_take_is_wrong_usage() -> None:
    for words in (
        ["nonsense", "1"],
        ["carmichael", "1e99"],
        ["carmichael", "10^5", "--colour=red"],
        ["carmichael", "10^5", "--output=table.xls"],
        ["carmichael", "10^5", "--plot=picture.gif"],
    ):
        done = newral("run", *words)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr


def test_a_file_that_holds_no_results_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text("[]\n")
    done = newral("check", file)
    assert done.returncode == 2
    assert "line 1" in done.stderr
    assert newral("check", tmp_path / "absent").returncode == 2


def test_results_that_cannot_be_written_are_said_to_be_beforehand(tmp_path: Path) -> None:
    for words in (["--results", tmp_path], ["--results", "a.csv", "--output", "a.csv"]):
        done = newral("run", "carmichael", "10^15", *words)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr


def test_an_interrupted_run_leaves_no_process_behind() -> None:
    run = psutil.Popen(
        [sys.executable, "-m", "newral", "kernel", "run", "bpsw", "2^64", "2^64+10^7", "--cores=2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while len(run.children()) < 2:
        run.status()
    workers = run.children(recursive=True)
    run.send_signal(signal.SIGINT)
    assert run.wait(30) == 130
    gone, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive, gone
