"""`newral up`: a market for real use, its processes killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.timeout(300)


class Market:
    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self.process = process
        self.ready = ready

    def newral(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "NEWRAL_RELAYS": self.ready["relay"],
            "NEWRAL_COORDINATOR": self.ready["coordinator"],
            "NEWRAL_KEY_FILE": self.ready["requester_key_file"],
        }
        return subprocess.run(
            [sys.executable, "-m", "newral", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def pids(self, words: str) -> set[int]:
        """The processes whose command line has these words."""
        found = set()
        for child in self.children():
            with suppress(psutil.Error):  # it may be ending
                if words in " ".join(child.cmdline()):
                    found.add(child.pid)
        return found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@contextmanager
def up(directory: Path, nodes: int = 2) -> Iterator[Market]:
    process = subprocess.Popen(
        [sys.executable, "-m", "newral", "up", f"--dir={directory}", f"--nodes={nodes}", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield Market(process, json.loads(line))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)
        process.stdout.close()
        process.stderr.close()


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_jobs_are_done_audited_and_remembered_by_the_next_run(tmp_path: Path) -> None:
    directory = tmp_path / "market"
    with up(directory) as market:
        posted = market.newral(
            "job", "post", "carmichael", "10^8", "--bid=20", "--wait", "--timeout=120", "--json"
        )
        assert posted.returncode == 0, posted.stderr
        result = json.loads(posted.stdout)
        assert result["output"]["count"] == 255
        assert market.stop() == 0
        first = market.ready
    with up(directory) as market:
        assert market.ready == first
        again = market.newral("job", "result", result["job"], "--timeout=30", "--json")
        assert json.loads(again.stdout) == result
        (view,) = json.loads(market.newral("job", "list", "--json").stdout)
        assert (view["id"], view["phase"]) == (result["job"], "completed")

        audited = market.newral("audit", "run", "--json")
        assert audited.returncode == 0, audited.stdout + audited.stderr
        assert json.loads(audited.stdout)["counts"]["jobs"] == 1
        proof = json.loads(market.newral("audit", "proof", "0", "--json").stdout)
        assert proof["entry"]["type"] == "policy"


def test_a_job_survives_the_death_of_every_process(tmp_path: Path) -> None:
    with up(tmp_path / "market") as market:
        posted = market.newral("job", "post", "bpsw", "2^64", "18446744073713551616", "--json")
        assert posted.returncode == 0, posted.stderr
        job = json.loads(posted.stdout)["job"]
        for words in ("coordinator run", "relay serve", "node run"):
            killed = market.pids(words)
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            until(
                lambda words=words, killed=killed: len(market.pids(words) - killed) == len(killed)
            )
        result = market.newral("job", "result", job, "--timeout=200", "--json")
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["output"]["tested"] == 2_000_000
        audited = market.newral("audit", "run", "--json")
        assert audited.returncode == 0, audited.stdout + audited.stderr


def test_exit_codes_tell_refusal_and_timeout(tmp_path: Path) -> None:
    with up(tmp_path / "market", nodes=0) as market:
        refused = market.newral("job", "post", "carmichael", "10^8", "--bid=0.000001", "--wait")
        assert refused.returncode == 3, refused.stderr
        late = market.newral("job", "post", "carmichael", "10^8", "--wait", "--timeout=1")
        assert late.returncode == 4, late.stderr


def test_no_process_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    with up(tmp_path / "market", nodes=1) as market:
        children = market.children()
        market.process.kill()
        market.process.wait()
        _, alive = psutil.wait_procs(children, timeout=30)
        assert not alive


def test_one_folder_is_one_market(tmp_path: Path) -> None:
    with up(tmp_path / "market", nodes=0):
        second = subprocess.run(
            [sys.executable, "-m", "newral", "up", f"--dir={tmp_path / 'market'}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 1
        assert "already" in second.stderr
        assert "Traceback" not in second.stderr


def test_an_owner_sees_and_pauses_a_node(tmp_path: Path) -> None:
    with up(tmp_path / "market", nodes=1) as market:
        folder = f"--directory={tmp_path / 'market' / 'nodes' / '1'}"

        def node(command: str) -> dict[str, Any]:
            done = market.newral("node", command, folder, "--json")
            assert done.returncode == 0, done.stderr
            answer: dict[str, Any] = json.loads(done.stdout)
            return answer

        assert node("page")["page"] == market.ready["pages"][0]
        node("pause")
        assert node("status")["state"] == "paused"
        seen = market.newral("node", "status", folder)
        assert seen.stdout.startswith("paused")
        assert "0 credits earned" in seen.stdout
        node("resume")
        assert node("status")["state"] != "paused"
        elsewhere = market.newral("node", "status", f"--directory={tmp_path}")
        assert elsewhere.returncode == 1
        assert "no node" in elsewhere.stderr
