"""The supervisor of one Postgres server, which is a direct child of this process."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import psycopg
from psycopg.conninfo import make_conninfo

from newral_coordinator.embedded_postgres import leftovers
from newral_coordinator.embedded_postgres.errors import PostgresStartError
from newral_coordinator.embedded_postgres.launch import (
    PORT,
    SUPERUSER,
    Account,
    Installation,
    choose_account,
    environment,
    find_installation,
    launcher,
)

INITDB_S_MAX: Final = 120.0
READY_S_MAX: Final = 120.0
"""Recovery reads at most `max_wal_size` of log: seconds, even on a slow disk."""

ATTEMPT_DELAYS_S: Final = (0.0, 0.2, 0.5, 1.0, 2.0)
"""Waits before the attempts of one launch: a killed server's backends need a moment to notice."""

RESTART_DELAY_S_MIN: Final = 0.1
RESTART_DELAY_S_MAX: Final = 10.0
STABLE_S: Final = 60.0
"""A server that ran this long is restarted at once when it dies."""

READY_POLL_S: Final = 0.02
LOG_CHECK_S: Final = 60.0
LOG_BYTES_MAX: Final = 1 << 20
"""Of the server's log; one older file of about this size is kept beside it."""

_log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """Runs Postgres with its data in `directory/postgres` for as long as this object is started.

    The server is restarted when it dies, always under the same `dsn`; it is fast-shutdown by
    `stop`, and by Linux when the thread that called `start` ends, even by SIGKILL. Acknowledged
    commits survive either. One process at a time can own a directory.

    As root it runs as the user who owns the data, at first `postgres` or `nobody`. `binaries` names
    the `bin` folder of another installation than the wheel's.
    """

    def __init__(self, directory: Path, *, binaries: Path | None = None) -> None:
        self._directory = directory.absolute()
        self._data = self._directory / "postgres"
        self._log_path = self._directory / "postgres.log"
        self._binaries = binaries
        self._account: Account | None = None
        self._installation: Installation | None = None
        self._owner_lock: IO[bytes] | None = None
        self._sockets: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def dsn(self) -> str:
        """Where to connect, as the only superuser: the same until `stop`."""
        if self._sockets is None:
            raise RuntimeError("Postgres has not been started")
        return make_conninfo(
            host=str(self._sockets), port=PORT, user=SUPERUSER, dbname="postgres", sslmode="disable"
        )

    @property
    def pid(self) -> int:
        """The process id of the postmaster that was started last."""
        if self._process is None:
            raise RuntimeError("Postgres has not been started")
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> str:
        """Start, and return the `dsn` when it accepts connections. Raises `PostgresStartError`."""
        if self._owner_lock is not None:
            raise RuntimeError("Postgres has already been started")
        self._owner_lock = _own(self._directory)
        try:
            self._installation = find_installation(self._binaries)
            self._account = choose_account(self._data)
            await leftovers.end_orphan(self._data)
            if not _is_cluster(self._data, self._installation.major):
                await self._make_cluster()
            record = self._directory / "postgres.sockets"
            self._sockets = leftovers.make_sockets(record, self._account)
            await self._launch()
        except BaseException:
            await self.stop()
            raise
        self._supervisor = asyncio.create_task(self._supervise(), name="embedded-postgres")
        return self.dsn

    async def stop(self) -> None:
        """Shut down in order, and without order what does not end. Does nothing when stopped."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor])
            self._supervisor = None
        await self._end_process()
        self._process = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
        if self._owner_lock is not None:
            self._owner_lock.close()
            self._owner_lock = None

    async def _make_cluster(self) -> None:
        assert self._installation is not None
        staging = self._directory / "postgres.new"
        leftovers.make_staging(staging, self._account)
        command = launcher(self._account) + self._installation.initdb_command(staging)
        process = await self._spawn(command)
        try:
            await asyncio.wait_for(process.wait(), INITDB_S_MAX)
        except TimeoutError:
            process.kill()
            await process.wait()
        if process.returncode != 0:
            raise PostgresStartError(f"initdb failed: {self._log_tail()}")
        leftovers.publish_staging(staging, self._data)

    async def _launch(self) -> None:
        """Start the server and wait until it answers. Raises `PostgresStartError`."""
        for delay_s in ATTEMPT_DELAYS_S:
            await asyncio.sleep(delay_s)
            if await self._attempt():
                return
        raise PostgresStartError(f"Postgres does not start: {self._log_tail()}")

    async def _attempt(self) -> bool:
        assert self._installation is not None
        assert self._sockets is not None
        command = self._installation.server_command(self._data, self._sockets)
        self._process = await self._spawn(launcher(self._account) + command)
        try:
            async with asyncio.timeout(READY_S_MAX):
                while self._process.returncode is None:
                    if await _answers(self.dsn):
                        return True
                    await asyncio.sleep(READY_POLL_S)
        except TimeoutError:
            await self._end_process()
        return False

    async def _spawn(self, command: list[str]) -> asyncio.subprocess.Process:
        _bound_log(self._log_path)
        self._log_path.touch(mode=0o600)  # failed statements are in it, with what they were about
        with self._log_path.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                env=environment(),
                # A Ctrl-C at the terminal is for the owner, who stops its users first.
                start_new_session=True,
            )

    async def _end_process(self) -> None:
        process = self._process
        if process is None:
            return
        for number, patience_s in leftovers.SHUTDOWN_STEPS:
            with suppress(ProcessLookupError):
                process.send_signal(number)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), patience_s)
                return
            _log.warning("Postgres %s did not end on %s", process.pid, number.name)

    async def _supervise(self) -> None:
        delay_s = RESTART_DELAY_S_MIN
        clock = asyncio.get_running_loop().time
        while True:
            since = clock()
            status = await self._died()
            if clock() - since > STABLE_S:
                delay_s = RESTART_DELAY_S_MIN
            _log.warning("Postgres ended (status %s) and is restarted", status)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, RESTART_DELAY_S_MAX)
            try:
                await self._launch()
            except Exception:
                # Whatever it is, nobody else would try again.
                _log.exception("Postgres could not be restarted")
            else:
                _log.info("Postgres runs again as process %s", self.pid)

    async def _died(self) -> int:
        """Wait for the server's end, and keep its log bounded meanwhile."""
        assert self._process is not None
        while True:
            with suppress(TimeoutError):
                return await asyncio.wait_for(self._process.wait(), LOG_CHECK_S)
            _bound_log(self._log_path)

    def _log_tail(self) -> str:
        lines = self._log_path.read_text(errors="replace").splitlines()
        return " | ".join(lines[-6:]) or "it logged nothing"


def _own(directory: Path) -> IO[bytes]:
    """Lock the directory for as long as the file returned is open, at most until our end."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (directory / "postgres.lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise PostgresStartError(
            f"the Postgres in {directory} belongs to a process that is running"
        ) from error
    return lock


def _is_cluster(data: Path, major: int) -> bool:
    """Whether there is a cluster to start. Raises `PostgresStartError` for what is none."""
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        # initdb works under another name, so what is here and incomplete is not ours to remove.
        if data.exists() and any(data.iterdir()):
            raise PostgresStartError(f"{data} is neither empty nor a Postgres cluster") from None
        return False
    if version != str(major):
        raise PostgresStartError(
            f"{data} was made by PostgreSQL {version}, and this is {major}: dump it with the one"
            " and restore it with the other"
        )
    return True


def _bound_log(path: Path) -> None:
    # Copied and cut rather than renamed: the server has it open, and appends.
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        shutil.copyfile(path, path.with_suffix(".log.1"))
        os.truncate(path, 0)


async def _answers(dsn: str) -> bool:
    try:
        connection = await psycopg.AsyncConnection.connect(dsn)
    except psycopg.OperationalError:
        return False
    await connection.close()
    return True
