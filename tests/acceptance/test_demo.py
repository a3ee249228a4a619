"""`newral demo`: from nothing to an audited answer."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

CARMICHAEL_BELOW_10_TO_10 = 1547
CARMICHAEL_BY_MAGNITUDE = [1, 7, 16, 43, 105, 255, 646, 1547]  # 10^3 … 10^10 (Pinch)


def market_processes(marker: str) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if marker in command and "newral" in command:
            found.append(command)
    return found


# Half a minute of work for two cores, which other tests may be using at the same time.
@pytest.mark.timeout(400)
def test_the_demo_finds_what_is_known_and_its_audit_is_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    done = subprocess.run(
        [sys.executable, "-m", "newral", "demo", "--json"],
        capture_output=True,
        text=True,
        check=False,
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
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("newral")]
