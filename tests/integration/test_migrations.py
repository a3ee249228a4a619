"""Migrations: each applies once, in order, and history is never rewritten."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from newral_spec.postgres import MigrationError, migrate

PACKAGE = "package_with_migrations"


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The `migrations` folder of an importable package."""
    folder = tmp_path / PACKAGE / "migrations"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    (folder / "001_things.sql").write_text(
        "CREATE SCHEMA things;\nCREATE TABLE things.thing (share text DEFAULT '100%');\n"
    )
    (folder / "002_size.sql").write_text("ALTER TABLE things.thing ADD size int;\n")
    yield folder
    sys.modules.pop(PACKAGE, None)


async def run(dsn: str) -> list[str]:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        return await migrate(connection, PACKAGE)


async def test_each_migration_applies_once_and_in_order(
    postgres_dsn: str, migrations: Path
) -> None:
    assert await run(postgres_dsn) == [f"{PACKAGE}/001_things.sql", f"{PACKAGE}/002_size.sql"]
    (migrations / "003_weight.sql").write_text("ALTER TABLE things.thing ADD weight int;\n")
    assert await run(postgres_dsn) == [f"{PACKAGE}/003_weight.sql"]
    assert await run(postgres_dsn) == []


async def test_processes_that_start_together_migrate_once(
    postgres_dsn: str, migrations: Path
) -> None:
    done = await asyncio.gather(*(run(postgres_dsn) for _ in range(5)))
    assert sorted(map(len, done)) == [0, 0, 0, 0, 2]


async def test_a_migration_that_fails_leaves_nothing(postgres_dsn: str, migrations: Path) -> None:
    broken = migrations / "003_broken.sql"
    broken.write_text("CREATE TABLE things.other (); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero) as raised:
        await run(postgres_dsn)
    assert raised.value.__notes__ == [f"in {PACKAGE}/migrations/003_broken.sql"]
    broken.unlink()
    assert len(await run(postgres_dsn)) == 2


async def test_a_migration_that_was_edited_is_refused(postgres_dsn: str, migrations: Path) -> None:
    await run(postgres_dsn)
    (migrations / "002_size.sql").write_text("ALTER TABLE things.thing ADD size bigint;\n")
    with pytest.raises(MigrationError, match=r"002_size\.sql is not the file that was applied"):
        await run(postgres_dsn)


async def test_a_database_of_a_later_version_is_refused(
    postgres_dsn: str, migrations: Path
) -> None:
    await run(postgres_dsn)
    (migrations / "002_size.sql").unlink()
    with pytest.raises(MigrationError, match=r"does not know: 002_size\.sql"):
        await run(postgres_dsn)
