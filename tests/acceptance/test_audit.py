"""`newral audit run` finds what a coordinator's owner has changed in its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from newral_testing.markets import UpMarket, until
from newral_testing.relays import embedded_relay
from psycopg import sql

from newral_ledger.audit import Code
from newral_spec.kinds import Kind


@pytest.fixture(scope="module")
def audited(market: UpMarket) -> UpMarket:
    """A market in which nothing differs but what a test will change."""
    market.told("job", "post", "carmichael", "10^6", "--bid=1", "--wait", "--timeout=60")
    market.until_signed()  # what no checkpoint covers is nobody's claim yet
    assert market.audit()["differences"] == []
    return market


@contextmanager
def changed(market: UpMarket, table: str, column: str, which: str, value: str) -> Iterator[str]:
    """Set one value of one row behind the coordinator's back, and later set it right again.

    Yields the row's key, the first column of the table.
    """
    name, field = sql.Identifier(*table.split(".")), sql.Identifier(column)
    select = sql.SQL("SELECT ctid, * FROM {} WHERE {} LIMIT 1")
    update = sql.SQL("UPDATE {} SET {} = {} WHERE ctid = {} RETURNING ctid")
    with psycopg.connect(market.postgres(), autocommit=True) as connection:
        # The tables' triggers refuse changes: they do not fire for a replica.
        connection.execute("SET session_replication_role = replica")
        cursor = connection.execute(select.format(name, sql.SQL(which)))
        row = cursor.fetchone()
        assert row is not None
        assert cursor.description is not None
        before = row[[item.name for item in cursor.description].index(column)]
        place = connection.execute(update.format(name, field, sql.SQL(value), row[0])).fetchone()
        assert place is not None
        try:
            yield row[1].hex() if isinstance(row[1], bytes) else str(row[1])
        finally:
            connection.execute(update.format(name, field, before, place[0]))


def test_one_byte_of_the_log(audited: UpMarket) -> None:
    with changed(
        *(audited, "ledger.log_entries", "raw"),
        which="convert_from(raw, 'utf8') LIKE '%\"type\":\"verdict\"%'",
        # A digit of the time at which it was entered.
        value="""set_byte(raw, position('"at":'::bytea IN raw) + 13, 48 + (
            get_byte(raw, position('"at":'::bytea IN raw) + 13) - 47) % 10)""",
    ) as position:
        report = audited.audit()
    codes = {found["code"] for found in report["differences"]}
    assert Code.CHECKPOINT_ROOT_WRONG in codes, (position, report)
    assert not audited.audit()["differences"]


def test_one_signature_of_an_archived_event(audited: UpMarket, tmp_path: Path) -> None:
    # Relays are asked first, and they have the true event: the archive counts when they forget.
    with embedded_relay(tmp_path / "relay.sqlite") as empty:
        elsewhere = (f"--relay={empty.url}", f"--url={audited.http}")
        assert audited.audit(*elsewhere)["differences"] == []
        with changed(
            *(audited, "bridge.archive", "raw"),
            which=f"kind = {Kind.SEALED_RESULT:d}",
            value="""set_byte(raw, position('"sig":"'::bytea IN raw) + 6, CASE
                get_byte(raw, position('"sig":"'::bytea IN raw) + 6)
                WHEN 48 THEN 49 ELSE 48 END)""",
        ) as event:
            differences = audited.audit(*elsewhere)["differences"]
            assert audited.audit()["differences"] == []
    assert {found["code"] for found in differences} == {Code.COMMITMENT_UNPROVEN}
    assert all(event in found["message"] for found in differences)


def test_one_balance(audited: UpMarket) -> None:
    with changed(
        *(audited, "ledger.accounts", "posted"),
        which="name LIKE 'provider:%' AND posted > 0",
        value="posted + 1",
    ) as account:
        # The server tells balances that may be a second old.
        (found,) = until(lambda: audited.audit()["differences"], "a difference")
    assert (found["code"], found["subject"]) == (Code.BALANCE_WRONG, account)
    until(lambda: not audited.audit()["differences"], "a clean audit")
