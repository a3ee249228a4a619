"""Named queries and migrations: how every package that keeps state in Postgres keeps its SQL.

Nothing else in this package imports psycopg, which comes with the coordinator's dependencies only.
A package holds its queries in `.sql` files and its migrations in `migrations/*.sql`, applied in the
order of their names, each exactly once; its tables live in a schema of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, LiteralString, NamedTuple

from psycopg import AsyncConnection, Error

_HEADING: Final = re.compile(r"^-- (?P<name>[a-z][a-z0-9_]*) --$")

_MIGRATION_LOCK: Final = 0x4E4557_52414C  # "NEWRAL": one migration at a time in a database


class InvalidQueries(ValueError):
    """A file of queries breaks the form that `parse_queries` describes."""


class MigrationError(RuntimeError):
    """The database's history and the package's migrations contradict each other."""


class Migration(NamedTuple):
    """One file of a package's `migrations`."""

    name: str
    text: LiteralString

    @property
    def sha256(self) -> bytes:
        """32 bytes: what tells an edited file from the one that was applied."""
        return hashlib.sha256(self.text.encode()).digest()


def load_queries(package: str, file: str = "queries.sql") -> Mapping[str, LiteralString]:
    """The named queries of one `.sql` file of an importable package. Raises `InvalidQueries`."""
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    try:
        return parse_queries(text)
    except InvalidQueries as error:
        raise InvalidQueries(f"{package}/{file}: {error}") from error


def parse_queries(text: str) -> Mapping[str, LiteralString]:
    """Split a file into its queries, by name.

    Each query is a heading `-- name --`, one or more comment lines that describe it, and its SQL
    with psycopg's `%(parameter)s` placeholders. Comment lines are dropped: a percent sign in one
    would be read as a placeholder. Raises `InvalidQueries`.
    """
    queries: dict[str, LiteralString] = {}
    name, described, body = "", False, list[str]()

    def finish() -> None:
        if not name:
            return
        if not described or not body:
            raise InvalidQueries(f"query {name} has a description and a body")
        # The files ship with the code, so their text is as literal as the code's own strings.
        queries[name] = "\n".join(body)

    for line in text.splitlines():
        if heading := _HEADING.match(line):
            finish()
            name, described, body = heading["name"], False, []
            if name in queries:
                raise InvalidQueries(f"there are two queries called {name}")
        elif line.lstrip().startswith("--"):
            described = described or not body
        elif line.strip():
            if not name:
                raise InvalidQueries(f"SQL before the first heading: {line.strip()[:80]!r}")
            body.append(line)
    finish()
    return MappingProxyType(queries)


def load_migrations(package: str) -> list[Migration]:
    """The migrations of an importable package, in the order in which they apply."""
    folder = resources.files(package).joinpath("migrations")
    return [
        Migration(entry.name, entry.read_text(encoding="utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".sql")
    ]


async def migrate(connection: AsyncConnection[Any], *packages: str) -> list[str]:
    """Bring the database up to these packages' migrations; `package/file` of each one applied.

    All of them commit together or none does, and concurrent callers wait for each other.
    Raises `MigrationError` when a file that was applied has changed, or is unknown to this version.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MIGRATION_LOCK])
        await connection.execute(
            """
            CREATE TABLE IF NOT EXISTS public.schema_migrations (
                package text NOT NULL,
                name text NOT NULL,
                sha256 bytea NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now(),
                PRIMARY KEY (package, name)
            )
            """
        )
        return [
            f"{package}/{name}"
            for package in packages
            for name in await _migrate_package(connection, package)
        ]


async def _migrate_package(connection: AsyncConnection[Any], package: str) -> list[str]:
    migrations = load_migrations(package)
    applied = await _applied(connection, package)
    if unknown := sorted(applied.keys() - {migration.name for migration in migrations}):
        raise MigrationError(
            f"the database has {package} migrations that this version does not know:"
            f" {', '.join(unknown)}; run the version that made them, or a later one"
        )
    done: list[str] = []
    for migration in migrations:
        if migration.name not in applied:
            await _apply(connection, package, migration)
            done.append(migration.name)
        elif applied[migration.name] != migration.sha256:
            raise MigrationError(
                f"{package}/migrations/{migration.name} is not the file that was applied:"
                " restore it, and put the change into a new migration"
            )
    return done


async def _applied(connection: AsyncConnection[Any], package: str) -> dict[str, bytes]:
    cursor = await connection.execute(
        "SELECT name, sha256 FROM public.schema_migrations WHERE package = %s", [package]
    )
    return {name: bytes(sha256) for name, sha256 in await cursor.fetchall()}


async def _apply(connection: AsyncConnection[Any], package: str, migration: Migration) -> None:
    try:
        # Without parameters the text goes to the server as it is, several statements and all.
        await connection.execute(migration.text)
    except Error as error:
        error.add_note(f"in {package}/migrations/{migration.name}")
        raise
    await connection.execute(
        "INSERT INTO public.schema_migrations (package, name, sha256) VALUES (%s, %s, %s)",
        [package, migration.name, migration.sha256],
    )


__all__ = [
    "InvalidQueries",
    "Migration",
    "MigrationError",
    "load_migrations",
    "load_queries",
    "migrate",
    "parse_queries",
]
