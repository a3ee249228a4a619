"""What goes wrong when Postgres is started."""

from __future__ import annotations


class PostgresStartError(RuntimeError):
    """Postgres could not be started; the message says why and what to do."""
