"""A node in a process of its own, to be killed and started again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from newral_spec.keys import SecretKey


class DidNotStart(Exception):
    """The node ended without a word."""


class NodeProcess:
    """Starts and waits until it is ready."""

    def __init__(
        self,
        directory: Path,
        secret: SecretKey,
        coordinator: str,
        relays: Sequence[str],
        **settings: Any,
    ) -> None:
        arguments = {
            "directory": str(directory),
            "secret": secret.to_bytes().hex(),
            "coordinator": coordinator,
            "relays": list(relays),
            **settings,
        }
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("run_node.py"), json.dumps(arguments)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        if not said:
            self._reap()
            raise DidNotStart(f"exit code {self.process.returncode}")
        self.ready: dict[str, Any] = json.loads(said)

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self._reap()

    def stop(self, limit_s: float = 30) -> int:
        """Ctrl-C. Returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(limit_s)
        self._reap()
        return self.process.returncode

    def _reap(self) -> None:
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
