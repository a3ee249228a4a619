"""`newral demo`: from nothing to an audited answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from newral_testing.markets import up

from newral_spec.trail import TransferPosted

CARMICHAEL_BELOW_10_TO_10 = 1547
CARMICHAEL_BY_MAGNITUDE = [1, 7, 16, 43, 105, 255, 646, 1547]  # 10^3 … 10^10 (Pinch)

BPSW_RANGE = (2**64, 2**64 + 14_000_000)
PROBABLE_PRIMES = 315_169  # GMP, over the same range
CLASS_THEOREM = (
    "no composite n <= 2^68 with (5/n) = -1 and a prime factor p, 1000000 <= p < 2000000,"
    " is a base-2 Fermat and Lucas (P = 1, Q = -1) pseudoprime"
)
BASE_2_PSEUDOPRIMES = [str(2**64 + 1)]  # a Fermat number; GMP knows no other in the range


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_behind(
    tmp_path: Path, signal_number: signal.Signals
) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "newral", "demo"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert demo.stderr is not None
    for line in demo.stderr:
        if "coordinator http" in line:
            break
    demo.send_signal(signal_number)
    rest = demo.stderr.read()
    demo.stderr.close()
    assert demo.wait(60) == 130
    assert "Traceback" not in rest
    assert not list(tmp_path.iterdir())
    assert not market_processes(str(tmp_path))


def market_processes(marker: str) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if marker in command and "newral" in command:
            found.append(command)
    return found


def start_demo(temporary: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "newral", "demo", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )


def check_report(report: dict[str, Any]) -> None:
    """What the demo must find, by magnitude and in all."""
    assert report["carmichael_bound"] == 10**10
    assert report["carmichael_count"] == CARMICHAEL_BELOW_10_TO_10
    powers = [f"10^{power}" for power in range(3, 11)]
    by_magnitude = dict(zip(powers, CARMICHAEL_BY_MAGNITUDE, strict=True))
    assert report["carmichael_by_magnitude"] == by_magnitude
    assert (int(report["bpsw_start"]), int(report["bpsw_stop"])) == BPSW_RANGE
    assert report["bpsw_tested"] == (BPSW_RANGE[1] - BPSW_RANGE[0]) // 2
    assert report["bpsw_probable_primes"] == PROBABLE_PRIMES
    assert report["bpsw_psp2"] == BASE_2_PSEUDOPRIMES
    assert report["bpsw_hits"] == []
    assert report["class_statement"] == CLASS_THEOREM
    assert report["class_hits"] == []
    assert report["audit"] == "clean"
    assert report["units"] > 0
    assert 1.0 <= report["replication_factor"] <= 3.0
    assert len(report["credits"]) == 2
    assert all(earned > 0 for earned in report["credits"].values())
    assert report["log_entries"] > 4 * report["units"]  # lease, commitment, verdict, transfer
    assert report["signatures_verified"] > 0
    assert report["seconds"] > 0


# Half a minute of work for two cores, twice, which other tests may be using at the same time.
@pytest.mark.timeout(500)
def test_two_demos_side_by_side_find_what_is_known_and_pay_for_it(tmp_path: Path) -> None:
    temporary, kept = tmp_path / "temporary", tmp_path / "kept"
    temporary.mkdir()
    with (
        start_demo(temporary) as passing,
        start_demo(temporary, f"--dir={kept}") as staying,
    ):
        assert passing.stdout is not None
        assert staying.stdout is not None
        reports = [json.loads(passing.stdout.read()), json.loads(staying.stdout.read())]
    assert (passing.returncode, staying.returncode) == (0, 0)
    for report in reports:
        check_report(report)
    assert not reports[0]["credits"].keys() & reports[1]["credits"].keys()

    assert not market_processes(str(tmp_path))
    assert not list(temporary.iterdir())

    with up(kept, nodes=0) as market:
        paid = [
            entry.amount
            for entry in market.trail()
            if isinstance(entry, TransferPosted) and entry.reason == "work"
        ]
        assert sum(paid) == sum(reports[1]["credits"].values())
        assert market.audit()["differences"] == []
