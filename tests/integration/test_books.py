"""The books in Postgres behave as the books in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from newral_testing.transfers import FUNDING, requests
from psycopg import AsyncConnection

from newral_ledger import books
from newral_ledger.transfers import (
    Balance,
    Books,
    Phase,
    Posting,
    Request,
    Result,
    Transfer,
    Voiding,
)
from newral_spec import trail
from newral_spec.postgres import migrate

KEY, JOB = "a" * 64, "b" * 64
REQUESTER, ESCROW = trail.requester_account(KEY), trail.escrow_account(JOB)


def transfer(number: int, debit: str, credit: str, amount: int) -> Transfer:
    return Transfer(
        id=f"{number:064x}", debit=debit, credit=credit, amount=amount, reason="work", job=JOB
    )


def reservation(number: int, amount: int, provider: str = KEY) -> Transfer:
    lease = transfer(number, ESCROW, trail.provider_account(provider), amount)
    return msgspec.structs.replace(lease, phase=Phase.PENDING)


GRANT = transfer(1, trail.ISSUANCE, REQUESTER, 100)
FUND = transfer(2, REQUESTER, ESCROW, 50)


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await AsyncConnection.connect(postgres_dsn, autocommit=True) as connection:
        await migrate(connection, "newral_ledger")
        yield connection


def touched(balances: dict[str, Balance]) -> dict[str, Balance]:
    return {account: balance for account, balance in balances.items() if balance != (0, 0)}


@settings(
    max_examples=40,
    deadline=None,
    # Each example runs in a transaction of its own that is rolled back.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=requests(), batch=st.integers(1, 9))
async def test_any_history_ends_as_it_does_in_memory(
    connection: AsyncConnection[Any], history: list[Request], batch: int
) -> None:
    told = [*FUNDING, *history]
    model = Books()
    expected = [model.record(request) for request in told]
    async with connection.transaction(force_rollback=True):
        results: list[Result] = []
        for start in range(0, len(told), batch):
            results += await books.post_many(connection, told[start : start + batch])
        assert results == expected
        assert touched(await books.balances(connection)) == touched(dict(model.balances))
        assert await books.check_invariants(connection) == []


async def test_a_lease_reserves_its_price_and_is_paid_from_it(
    connection: AsyncConnection[Any],
) -> None:
    assert await books.post_many(connection, [GRANT, FUND]) == [Result.OK, Result.OK]
    lease = reservation(3, 30)
    assert await books.post(connection, lease) is Result.OK
    assert (await books.balance(connection, ESCROW)).available == 20
    second = reservation(4, 30)
    assert await books.post(connection, second) is Result.INSUFFICIENT_FUNDS
    assert (
        await books.post(connection, Posting(id="d" * 64, pending_id=lease.id, amount=25))
        is Result.OK
    )
    assert await books.post(connection, second) is Result.INSUFFICIENT_FUNDS
    assert await books.post(connection, transfer(5, ESCROW, REQUESTER, 5)) is Result.OK
    assert await books.balance(connection, ESCROW) == Balance(20, 0)
    assert (
        await books.post(connection, Voiding(pending_id=lease.id)) is Result.PENDING_ALREADY_POSTED
    )
    assert await books.balance(connection, "provider:" + "9" * 64) == Balance()
    assert await books.post_many(connection, []) == []


async def test_what_a_transaction_rolls_back_was_never_recorded(
    connection: AsyncConnection[Any],
) -> None:
    async with connection.transaction(force_rollback=True):
        await books.post_many(connection, [GRANT, FUND])
    assert await books.balances(connection) == {}


async def test_concurrent_leases_never_exceed_escrow(
    connection: AsyncConnection[Any], postgres_dsn: str
) -> None:
    await books.post_many(connection, [GRANT, FUND])

    async def lend(number: int) -> Result:
        async with await AsyncConnection.connect(postgres_dsn) as own:
            lease = reservation(number, 10, f"{number % 3:064x}")
            return await books.post(own, lease)

    results = await asyncio.gather(*(lend(number) for number in range(10, 20)))
    assert sorted(results) == [Result.INSUFFICIENT_FUNDS] * 5 + [Result.OK] * 5
    assert await books.balance(connection, ESCROW) == Balance(50, 50)
    assert await books.check_invariants(connection) == []


async def test_a_pending_transfer_posted_by_several_at_once_is_posted_once(
    connection: AsyncConnection[Any], postgres_dsn: str
) -> None:
    await books.post_many(connection, [GRANT, FUND])
    lease = reservation(3, 30)
    await books.post(connection, lease)

    async def end(number: int) -> Result:
        async with await AsyncConnection.connect(postgres_dsn) as own:
            posting = Posting(id=f"{number:064x}", pending_id=lease.id)
            return await books.post(own, posting if number else Voiding(pending_id=lease.id))

    results = await asyncio.gather(*(end(number) for number in (0, 4, 4, 5)))
    assert results.count(Result.OK) == 1
    assert await books.check_invariants(connection) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.transfers SET amount = 1",
        "DELETE FROM ledger.transfers",
        "TRUNCATE ledger.transfers CASCADE",
        "UPDATE ledger.accounts SET posted = -1 WHERE name <> 'issuance'",
        "UPDATE ledger.accounts SET reserved = 1000",
    ],
)
async def test_the_database_refuses_what_the_code_never_asks(
    connection: AsyncConnection[Any], statement: str
) -> None:
    await books.post_many(connection, [GRANT, FUND])
    with pytest.raises(psycopg.Error):
        await connection.execute(statement.encode())
    assert await books.check_invariants(connection) == []


async def test_altered_balances_are_found(connection: AsyncConnection[Any]) -> None:
    await books.post_many(connection, [GRANT, FUND])
    await connection.execute("UPDATE ledger.accounts SET posted = 70 WHERE name = %s", [REQUESTER])
    assert await books.check_invariants(connection) == [
        "the balances sum to 20, not 0",
        f"{REQUESTER} has 70 and 0 reserved; its transfers make 50 and 0",
    ]
