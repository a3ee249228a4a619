"""What an earlier owner left: a server, a lock file, a folder for sockets, half a cluster."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from newral_coordinator.embedded_postgres.errors import PostgresStartError
from newral_coordinator.embedded_postgres.launch import PORT, Account

SHUTDOWN_STEPS: Final = (
    (signal.SIGINT, 10.0),  # fast: ends transactions, writes a checkpoint
    (signal.SIGQUIT, 6.0),  # immediate: kills its children, after 5 s without mercy; recovers later
    (signal.SIGKILL, 5.0),
)
"""Signals to a postmaster, each with the seconds it is given."""

_POLL_S: Final = 0.05
_SOCKETS_PREFIX: Final = "newral-pg-"
_SOCKET_NAME: Final = f".s.PGSQL.{PORT}"
_SOCKET_PATH_BYTES_MAX: Final = 103  # sun_path less its NUL: 104 on macOS, 108 on Linux
_RECORD_BYTES_MAX: Final = 4096


async def end_orphan(data: Path) -> None:
    """End the server of this data directory, if one outlived its owner."""
    pid = lock_file_pid(data)
    if pid is None:
        return
    for number, patience_s in SHUTDOWN_STEPS:
        if not _is_postmaster(pid, data):
            break
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        for _ in range(round(patience_s / _POLL_S)):
            if not _is_postmaster(pid, data):
                break
            await asyncio.sleep(_POLL_S)
    _adopt_lock_file(data)


def lock_file_pid(data: Path) -> int | None:
    """The process that `postmaster.pid` names, dead or alive."""
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _is_postmaster(pid: int, data: Path) -> bool:
    """Whether this process is alive, and the server of this data directory.

    Process numbers are used again, in containers very soon; a zombie has no command line.
    """
    words = _command_line(pid)
    return "postgres" in words and f"-D {data} " in words


def _command_line(pid: int) -> str:
    if Path("/proc/self/cmdline").exists():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return ""
        return os.fsdecode(b" ".join(words))
    command = ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout


def _adopt_lock_file(data: Path) -> None:
    """Write our own number into a lock file whose process is gone.

    Postgres believes a lock file when any process has its number, so a stale one could stop it for
    ever; one that names its own parent it ignores. Removing the file would also remove its check
    that no backend of the dead server still uses the shared memory.
    """
    lock = data / "postmaster.pid"
    try:
        rest = lock.read_text().partition("\n")[2]
        owner = lock.stat()
    except FileNotFoundError:
        return  # it has shut down in order
    adopted = lock.with_suffix(".adopted")
    adopted.write_text(f"{os.getpid()}\n{rest}")
    adopted.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(adopted, owner.st_uid, owner.st_gid)
    adopted.replace(lock)


def make_sockets(record: Path, account: Account | None) -> Path:
    """A new private folder for the socket, with a path short enough; `record` remembers it.

    The folder that `record` remembers from last time is removed. Raises `PostgresStartError`.
    """
    _remove_stale_sockets(record)
    length = len(f"/{_SOCKETS_PREFIX}xxxxxxxx/{_SOCKET_NAME}")
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - only to make a private one in it
        if len(os.fsencode(parent)) + length <= _SOCKET_PATH_BYTES_MAX and Path(parent).is_dir():
            break
    else:
        raise PostgresStartError(
            "no folder for temporary files has a path short enough: set TMPDIR"
        )
    sockets = Path(tempfile.mkdtemp(prefix=_SOCKETS_PREFIX, dir=parent))
    record.write_text(str(sockets))
    if account is not None:
        os.chown(sockets, account.uid, account.gid)
    return sockets


def _remove_stale_sockets(record: Path) -> None:
    try:
        with record.open() as file:
            sockets = Path(file.read(_RECORD_BYTES_MAX))
    except FileNotFoundError:
        return
    # A copy of a running coordinator's folder has a record of sockets that are in use.
    if sockets.name.startswith(_SOCKETS_PREFIX) and not _is_served(sockets / _SOCKET_NAME):
        shutil.rmtree(sockets, ignore_errors=True)


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def make_staging(staging: Path, account: Account | None) -> None:
    """An empty folder for initdb, which is only given its name when it is whole."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    if account is not None:
        os.chown(staging, account.uid, account.gid)


def publish_staging(staging: Path, data: Path) -> None:
    """Give a whole cluster its name, durably."""
    staging.rename(data)
    folder = os.open(data.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
