"""Postgres as a child of the coordinator: no service to install, no port to open."""

from newral_coordinator.embedded_postgres.errors import PostgresStartError
from newral_coordinator.embedded_postgres.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "PostgresStartError"]
