"""`newral demo`: from nothing to an audited answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

CARMICHAEL_BELOW_10_TO_10 = 1547
CARMICHAEL_BY_MAGNITUDE = [1, 7, 16, 43, 105, 255, 646, 1547]  # 10^3 … 10^10 (Pinch)


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


# Half a minute of work for two cores, which other tests may be using at the same time.
@pytest.mark.timeout(400)
def test_the_demo_finds_what_is_known_and_its_audit_is_clean(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "newral", "demo", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)

    assert report["carmichael_bound"] == 10**10
    assert report["carmichael_count"] == CARMICHAEL_BELOW_10_TO_10
    assert sorted(report["carmichael_by_magnitude"].values()) == CARMICHAEL_BY_MAGNITUDE
    start, stop = int(report["bpsw_start"]), int(report["bpsw_stop"])
    assert start == 2**64
    assert report["bpsw_tested"] == (stop - start) // 2
    assert report["bpsw_hits"] == []
    assert str(2**64 + 1) in report["bpsw_psp2"]  # a Fermat number passes to base 2
    assert report["audit"] == "clean"
    assert report["units"] > 0
    assert 1.0 <= report["replication_factor"] <= 3.0
    assert len(report["credits"]) == 2
    assert all(earned > 0 for earned in report["credits"].values())
    assert report["seconds"] > 0

    assert not market_processes(str(tmp_path))
    assert not list(tmp_path.iterdir())
