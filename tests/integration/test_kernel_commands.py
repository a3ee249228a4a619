"""Kernels from the command line, without a market."""

from __future__ import annotations

import json
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
    assert json.loads(done.stdout)["count"] == CARMICHAEL_NUMBERS_BELOW_10_TO_7
    assert json.loads(answer.read_bytes()) == json.loads(done.stdout)
    assert "units" in done.stderr

    checked = newral("check", results, "--json")
    assert checked.returncode == 0, checked.stderr
    assert {verdict["verdict"] for verdict in json.loads(checked.stdout)} == {"plausible"}


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
    for words in (["nonsense", "1"], ["carmichael"], ["carmichael", "-5"], ["carmichael", "1e99"]):
        done = newral("run", *words)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr


def test_a_file_that_holds_no_results_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text("[]\n")
    done = newral("check", file)
    assert done.returncode == 1
    assert "line 1" in done.stderr
    assert newral("check", tmp_path / "absent").returncode == 1


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
