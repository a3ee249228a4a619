"""NIP-01 filters as SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from newral_relay_bridge.embedded_relay.config import STORED_EVENTS_MAX
from newral_spec.session import Filter

SqlValue = bytes | int | str


def matching_rows(query: Filter, now: int) -> tuple[str, list[SqlValue]]:
    """A SELECT of `row`, `created_at` and `id`, the newest first, and its parameters.

    Expired events are left out. `now` is in Unix seconds.
    """
    conditions, parameters = _conditions(query, now)
    limit = STORED_EVENTS_MAX if query.limit is None else min(query.limit, STORED_EVENTS_MAX)
    sql = (
        f"SELECT row, created_at, id FROM event WHERE {conditions} "  # noqa: S608 - placeholders only
        "ORDER BY created_at DESC, id LIMIT ?"
    )
    return sql, [*parameters, limit]


def count_rows(queries: Sequence[Filter], now: int) -> tuple[str, list[SqlValue]]:
    """A SELECT of how many different events match any of the filters, and its parameters."""
    selects: list[str] = []
    parameters: list[SqlValue] = []
    for query in queries:
        conditions, values = _conditions(query, now)
        selects.append(f"SELECT row FROM event WHERE {conditions}")  # noqa: S608 - placeholders only
        parameters += values
    return f"SELECT count(*) FROM ({' UNION '.join(selects)})", parameters  # noqa: S608 - as above


def _conditions(query: Filter, now: int) -> tuple[str, list[SqlValue]]:
    conditions = ["(expires_at IS NULL OR expires_at > ?)"]
    parameters: list[SqlValue] = [now]

    def among(column: str, values: Collection[SqlValue]) -> None:
        conditions.append(f"{column} IN ({_placeholders(values)})")
        parameters.extend(values)

    if query.ids is not None:
        among("id", [bytes.fromhex(item) for item in query.ids])
    if query.authors is not None:
        among("pubkey", [bytes.fromhex(item) for item in query.authors])
    if query.kinds is not None:
        among("kind", [int(kind) for kind in query.kinds])
    if query.since is not None:
        conditions.append("created_at >= ?")
        parameters.append(query.since)
    if query.until is not None:
        conditions.append("created_at <= ?")
        parameters.append(query.until)
    for letter, values in query.tags.items():
        conditions.append(
            "row IN (SELECT event FROM tag "  # noqa: S608 - placeholders only
            f"WHERE letter = ? AND value IN ({_placeholders(values)}))"
        )
        parameters += [letter, *values]
    return " AND ".join(conditions), parameters


def _placeholders(values: Collection[object]) -> str:
    return ",".join("?" * len(values))
