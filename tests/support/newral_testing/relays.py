"""Relays for tests, each a process of its own: ours, and one that nobody here wrote."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from newral_testing.javascript import NODE, NPM

REPOSITORY = Path(__file__).parents[3]
FOREIGN_SOURCE = REPOSITORY / "tests" / "foreign"
EXAMPLE_SOURCE = REPOSITORY / "examples" / "nostr-tools"
FOREIGN_CACHE = REPOSITORY / ".cache" / "foreign"


class RelayProcess:
    """A program that prints its URL when it is ready and stops at the end of its input."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("ws://"), f"{command} did not start"

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """kill -9: no chance to write anything down."""
        self._process.kill()
        self._reap()

    def stop(self) -> None:
        assert self._process.stdin is not None
        if self._process.poll() is None:
            self._process.stdin.close()
            self._process.wait(20)
        self._reap()

    def _reap(self) -> None:
        self._process.wait(20)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def embedded_relay(database: Path, *, port: int = 0, require_auth: bool = False) -> RelayProcess:
    """Our relay. Give a port to start it again where it was."""
    script = Path(__file__).with_name("run_embedded_relay.py")
    flags = ["--require-auth"] if require_auth else []
    return RelayProcess([sys.executable, script, database, str(port), *flags])


def rust_relay() -> RelayProcess:
    """nostr-sdk's `LocalRelay`. Under load it drops live events silently."""
    return RelayProcess([sys.executable, Path(__file__).with_name("run_nostr_sdk_relay.py")])


def javascript_relay() -> RelayProcess:
    """`@nostr-relay/core`."""
    return RelayProcess([NODE, foreign_packages() / "relay.mjs"])


def foreign_packages(source: Path = FOREIGN_SOURCE) -> Path:
    """A copy of this folder with its packages installed, once for each version of its files."""
    sources = sorted(path for path in source.iterdir() if path.is_file())
    version = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    installed = FOREIGN_CACHE / version
    if not installed.exists():
        _install(sources, installed)
    return installed


def _install(sources: Sequence[Path], target: Path) -> None:
    FOREIGN_CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOREIGN_CACHE) as folder:
        for path in sources:
            shutil.copy(path, folder)
        subprocess.run([*NPM, "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, timeout=110)
        try:
            Path(folder).rename(target)
        except OSError:
            assert target.exists(), "another test process has installed it meanwhile"
            return
        Path(folder).mkdir()  # What the context manager removes.


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
