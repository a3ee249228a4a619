"""Markets for tests: `newral up` as a process, and what a test asks of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil
from psycopg.conninfo import make_conninfo

from newral.keyfiles import load_or_create_key
from newral_coordinator.embedded_postgres.launch import PORT, SUPERUSER
from newral_coordinator.embedded_postgres.leftovers import lock_file_pid
from newral_coordinator.http import Bounds
from newral_ledger.tiles import bundle_addresses, bundle_path, decode_bundle
from newral_spec.trail import Entry, decode_entry

T = TypeVar("T")

STOP_S = 60.0
"""More than the supervisor gives to each of its processes in turn."""

SNAPSHOT_S = Bounds().snapshot_age_s
"""How old the balances may be that the coordinator's HTTP server tells, and the log's size."""


class Process:
    """A `newral` command that runs until it is told to stop, and what it said when ready."""

    def __init__(self, *arguments: str, python: str = sys.executable) -> None:
        # A log in a pipe that nobody reads would stop the process when the pipe is full.
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(
                [python, "-m", "newral", *arguments, "--json"],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            if not line:
                self._end()
                log.seek(0)
                raise AssertionError(f"{arguments} did not start: {log.read().decode()}")
        self.ready: dict[str, Any] = json.loads(line)

    @property
    def pid(self) -> int:
        return self._process.pid

    def children(self) -> list[psutil.Process]:
        """Every process below this one."""
        return psutil.Process(self.pid).children(recursive=True)

    def kill(self) -> None:
        """kill -9: no chance to write anything down."""
        self._process.kill()
        self._end()

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        return self._end()

    def _end(self) -> int:
        try:
            self._process.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
        return self._process.returncode


class Market:
    """Where a market is, and how a requester uses it."""

    def __init__(
        self,
        relays: Sequence[str],
        coordinator: str,
        http: str,
        requester_key_file: str,
        python: str = sys.executable,
    ) -> None:
        self.relays = tuple(relays)
        self.coordinator = coordinator
        """npub."""
        self.http = http
        self._requester_key_file = requester_key_file
        self._python = python

    def newral(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the requester."""
        environment = {
            **os.environ,
            "NEWRAL_RELAYS": " ".join(self.relays),
            "NEWRAL_COORDINATOR": self.coordinator,
            "NEWRAL_KEY_FILE": self._requester_key_file,
        }
        return subprocess.run(
            [self._python, "-m", "newral", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )

    def told(self, *arguments: str) -> Any:
        """What a command that succeeds prints with --json."""
        done = self.newral(*arguments, "--json")
        assert done.returncode == 0, f"{arguments} ended with {done.returncode}: {done.stderr}"
        return json.loads(done.stdout)

    def post(self, *words: str) -> str:
        """Post a job; returns its id."""
        return str(self.told("job", "post", *words)["job"])

    def output(self, job: str) -> dict[str, Any]:
        """Wait for a job's output."""
        return dict(self.told("job", "result", job, "--timeout=200")["output"])

    def audit(self, *options: str) -> dict[str, Any]:
        """What `newral audit run` reports, be it clean or not; its exit code must say which."""
        done = self.newral("audit", "run", *options, "--json")
        assert done.stdout, done.stderr
        report = json.loads(done.stdout)
        assert done.returncode == (0 if report["clean"] else 1), done.stderr
        return dict(report)

    def get(self, path: str) -> bytes:
        """From the coordinator's HTTP server."""
        with urllib.request.urlopen(f"{self.http}{path}", timeout=10) as response:
            return bytes(response.read())

    def job(self, job: str) -> Mapping[str, Any] | None:
        """The coordinator's view of a job; None when it does not know it, or is not there."""
        with suppress(OSError):
            for view in json.loads(self.get("/api/market"))["jobs"]:
                if view["id"] == job:
                    return dict(view)
        return None

    def until_halfway(self, job: str) -> int:
        """Wait until some of the job's units are accepted, and return how many those are.

        It must not have ended by then.
        """
        view = until(lambda: _with_accepted_units(self.job(job)), f"a unit of {job}")
        assert view["state"] == "running", f"the job is too short for this test: {view}"
        return int(view["units"]["accepted"])

    def until_signed(self) -> None:
        """Wait until a checkpoint covers the log, to which nothing is added meanwhile."""
        time.sleep(SNAPSHOT_S)
        until(lambda: _is_signed(json.loads(self.get("/api/market"))), "a checkpoint")

    def trail(self) -> list[Entry]:
        """Every entry of the log."""
        time.sleep(SNAPSHOT_S)
        size = json.loads(self.get("/ledger/balances"))["log_size"]
        return [
            decode_entry(raw)
            for address in bundle_addresses(size)
            for raw in decode_bundle(
                self.get(f"/log/tile/entries/{bundle_path(address)}"), address.width
            )
        ]


class UpMarket(Market):
    """The market of one `newral up`."""

    def __init__(self, directory: Path, nodes: int, python: str) -> None:
        self.directory = directory
        self.process = Process("up", f"--dir={directory}", f"--nodes={nodes}", python=python)
        self.ready = self.process.ready
        super().__init__(
            relays=[self.ready["relay"]],
            coordinator=self.ready["coordinator"],
            http=self.ready["http"],
            requester_key_file=self.ready["requester_key_file"],
            python=python,
        )

    def pids(self, words: str) -> set[int]:
        """The market's processes that have these words in their command lines."""
        found = set()
        for child in self.process.children():
            with suppress(psutil.Error):  # it may be ending
                if words in " ".join(child.cmdline()):
                    found.add(child.pid)
        return found

    def postgres(self) -> str:
        """The dsn of the coordinator's Postgres, as its superuser."""
        sockets = (self.directory / "coordinator" / "postgres.sockets").read_text()
        return make_conninfo(host=sockets, port=PORT, user=SUPERUSER, dbname="postgres")

    def postmaster(self) -> int:
        """The process id of the coordinator's Postgres."""
        pid = lock_file_pid(self.directory / "coordinator" / "postgres")
        assert pid is not None
        return pid


def _with_accepted_units(view: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return view if view is not None and view["units"]["accepted"] > 0 else None


def _is_signed(market: Mapping[str, Any]) -> bool:
    return bool(market["checkpoint"]) and market["checkpoint"]["size"] == market["log_size"]


@contextmanager
def up(directory: Path, nodes: int = 2, *, python: str = sys.executable) -> Iterator[UpMarket]:
    """A market in that folder, of that Python's installation, stopped at the end."""
    market = UpMarket(directory, nodes, python)
    try:
        yield market
    finally:
        market.process.stop()


@contextmanager
def apart(directory: Path, relays: Sequence[str], nodes: int = 2) -> Iterator[Market]:
    """A coordinator and nodes, each a command of its own, on relays that are there already."""
    options = [f"--relay={relay}" for relay in relays]
    folder = directory / "coordinator"
    with ExitStack() as stack:
        coordinator = Process("coordinator", "run", f"--directory={folder}", *options)
        stack.callback(coordinator.stop)
        npub = coordinator.ready["npub"]
        for number in range(nodes):
            folder = directory / f"node-{number}"
            node = Process(
                *("node", "run", "--cores=1", f"--directory={folder}"),
                f"--coordinator={npub}",
                *options,
            )
            stack.callback(node.stop)
        key_file = directory / "requester.key"
        load_or_create_key(key_file)
        yield Market(relays, npub, coordinator.ready["url"], str(key_file))


def until(condition: Callable[[], T | None], what: str, seconds: float = 60.0) -> T:
    """Ask until the answer is true; returns it."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)
    return answer
