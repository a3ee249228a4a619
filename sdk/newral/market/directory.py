"""The folder of an embedded market: one owner at a time, the same addresses every time.

market.json     the addresses of the last run
lock            held while a market runs here
keys/           secret keys, one file each, for their owner only
relay/          the relay's events
coordinator/    Postgres and blobs
nodes/1/ …      each node's queue of work and results
logs/           what each process had to say
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from newral.errors import NewralError
from newral.keyfiles import load_or_create_key
from newral_spec.keys import SecretKey

FORMAT: Final = 1
"""Of market.json."""


class DirectoryInUse(NewralError):
    """Another market runs in this folder."""


class InvalidDirectory(NewralError):
    """The folder cannot be used, or holds a market that this version cannot read."""


class MarketDirectory:
    """Opening it takes the lock; closing it releases it, as does the end of the process."""

    def __init__(self, path: Path) -> None:
        """Raises `DirectoryInUse` and `InvalidDirectory`."""
        self.path = path.absolute()
        try:
            for name in ("keys", "relay", "coordinator", "nodes", "logs"):
                (self.path / name).mkdir(parents=True, exist_ok=True)
            (self.path / "keys").chmod(0o700)
            self._lock = (self.path / "lock").open("a")
        except OSError as error:
            raise InvalidDirectory(f"{self.path} cannot be used: {error}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise DirectoryInUse(
                f"a market runs in {self.path} already: stop it, or name another folder"
            ) from error

    def close(self) -> None:
        """Let another process have the folder."""
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def key_file(self, name: str) -> Path:
        """Where the key of that name is kept."""
        return self.path / "keys" / f"{name}.key"

    def key(self, name: str) -> SecretKey:
        """The key of that name, made when there is none. Raises `InvalidKeyFile`."""
        return load_or_create_key(self.key_file(name))

    def log_file(self, name: str) -> Path:
        """Where a process's log goes."""
        return self.path / "logs" / f"{name}.log"

    def remembered(self) -> dict[str, dict[str, Any]]:
        """What each process said when it was ready in the last run. Raises `InvalidDirectory`."""
        file = self.path / "market.json"
        if not file.exists():
            return {}
        try:
            content = json.loads(file.read_text("utf-8"))
            if content["format"] != FORMAT:
                raise InvalidDirectory(
                    f"{file} has format {content['format']!r}, and this version reads {FORMAT}"
                )
            return {str(name): dict(said) for name, said in content["processes"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidDirectory(f"{file} is not what a market writes there: {error}") from error

    def remember(self, said: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep what each process said, for the next run."""
        text = json.dumps({"format": FORMAT, "processes": said}, indent=2) + "\n"
        temporary = self.path / "market.json.new"
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path / "market.json")
