"""Fixtures for every suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from newral_testing.postgres import fresh_database, running_postgres

# A machine's speed is not what these tests are about.
settings.register_profile("newral", deadline=None, print_blob=True)
settings.load_profile("newral")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dsn of a Postgres server that the session's tests share."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as dsn:
        yield dsn


@pytest.fixture
def postgres_dsn(postgres_server: str) -> Iterator[str]:
    """The dsn of an empty database of the test's own."""
    with fresh_database(postgres_server) as dsn:
        yield dsn
