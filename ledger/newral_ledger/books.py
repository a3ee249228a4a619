"""The books in Postgres: every function runs inside the caller's transaction.

The rules are those of `transfers.Books`. What a call concerns is locked and loaded into one, and
what changed is written back, so that a batch costs as many statements as a single transfer.
Callers' transactions are READ COMMITTED, Postgres's default: under a snapshot, the end of a pending
transfer that somebody else is committing would go unseen until it violates a constraint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from psycopg import AsyncConnection

from newral_ledger.transfers import (
    Balance,
    Books,
    Phase,
    Posting,
    Request,
    Result,
    Transfer,
    Voiding,
    is_account,
)
from newral_spec import keys
from newral_spec.postgres import load_queries

QUERIES: Final = load_queries("newral_ledger", "books.sql")


async def post(connection: AsyncConnection[Any], request: Request) -> Result:
    """Record one transfer: single or pending, or the posting or voiding of a pending one."""
    return (await post_many(connection, [request]))[0]


async def post_many(connection: AsyncConnection[Any], requests: Sequence[Request]) -> list[Result]:
    """Record requests in order, each seeing the effect of those before; a result for each.

    A request that is refused changes nothing, and does not stop those after it.
    """
    ids = _ids_of(requests)
    # Pending transfers never change, so their accounts are known before anything is locked; their
    # ends are read after it, when nobody else can be about to end them.
    concerned = await _transfers(connection, ids)
    accounts = _accounts_of([*requests, *concerned])
    if accounts:
        await connection.execute(QUERIES["create_accounts"], {"names": accounts})
    cursor = await connection.execute(QUERIES["lock_accounts"], {"names": accounts})
    before = {name: Balance(*amounts) for name, *amounts in await cursor.fetchall()}
    books = Books(before, await _transfers(connection, ids))
    results = [books.record(request) for request in requests]
    await _write(connection, books, before, _recorded(books, requests, results))
    return results


async def recorded(connection: AsyncConnection[Any], transfer_id: str) -> Transfer | None:
    """The transfer of this id, if the books have it."""
    found = await _transfers(connection, [bytes.fromhex(transfer_id)])
    return next((transfer for transfer in found if transfer.id == transfer_id), None)


async def balance(connection: AsyncConnection[Any], account: str) -> Balance:
    """One account; zero when nothing was ever recorded for it."""
    cursor = await connection.execute(QUERIES["balance"], {"name": account})
    row = await cursor.fetchone()
    return Balance() if row is None else Balance(*row)


async def balances(connection: AsyncConnection[Any]) -> dict[str, Balance]:
    """Every account, by name, as of one instant."""
    cursor = await connection.execute(QUERIES["balances"])
    return {name: Balance(*amounts) for name, *amounts in await cursor.fetchall()}


async def check_invariants(connection: AsyncConnection[Any]) -> list[str]:
    """What is wrong with the books, in words; nothing when they are sound."""
    wrong: list[str] = []
    cursor = await connection.execute(QUERIES["total"])
    for (total,) in await cursor.fetchall():
        if total:
            wrong.append(f"the balances sum to {total}, not 0")
    cursor = await connection.execute(QUERIES["overdrawn"])
    for name, posted, reserved in await cursor.fetchall():
        wrong.append(f"{name} has {posted}, of which {reserved} are reserved")
    cursor = await connection.execute(QUERIES["replay"])
    for name, *amounts in await cursor.fetchall():
        wrong.append(
            f"{name} has {amounts[0]} and {amounts[1]} reserved;"
            f" its transfers make {amounts[2]} and {amounts[3]}"
        )
    cursor = await connection.execute(QUERIES["misended"])
    for (transfer_id,) in await cursor.fetchall():
        wrong.append(f"transfer {transfer_id} ends one that was not pending for as much")
    return wrong


def _ids_of(requests: Iterable[Request]) -> list[bytes]:
    ids = {request.id for request in requests}
    ids.update(request.pending_id for request in requests if isinstance(request, Posting | Voiding))
    return [bytes.fromhex(item) for item in sorted(ids) if keys.is_hex32(item)]


def _accounts_of(requests: Iterable[Request]) -> list[str]:
    """Well-formed accounts that the requests move money between; others get no row."""
    transfers = [request for request in requests if isinstance(request, Transfer)]
    names = {name for transfer in transfers for name in (transfer.debit, transfer.credit)}
    return sorted(filter(is_account, names))


def _recorded(
    books: Books, requests: Sequence[Request], results: Sequence[Result]
) -> list[Transfer]:
    found = (
        books.transfer(request.id)
        for request, result in zip(requests, results, strict=True)
        if result is Result.OK
    )
    return [transfer for transfer in found if transfer is not None]


async def _transfers(connection: AsyncConnection[Any], ids: list[bytes]) -> list[Transfer]:
    cursor = await connection.execute(QUERIES["transfers_concerned"], {"ids": ids})
    return [
        Transfer(
            id=transfer_id.hex(),
            phase=Phase(phase),
            debit=debit,
            credit=credit,
            amount=amount,
            reason=reason,
            job=_hex(job),
            lease=_hex(lease),
            pending_id=_hex(pending_id),
        )
        for (
            transfer_id, phase, debit, credit, amount, reason, job, lease, pending_id
        ) in await cursor.fetchall()
    ]  # fmt: skip


async def _write(
    connection: AsyncConnection[Any],
    books: Books,
    before: dict[str, Balance],
    recorded: list[Transfer],
) -> None:
    if not recorded:
        return
    await connection.execute(
        QUERIES["insert_transfers"],
        {
            "id": [bytes.fromhex(item.id) for item in recorded],
            "phase": [item.phase.value for item in recorded],
            "debit": [item.debit for item in recorded],
            "credit": [item.credit for item in recorded],
            "amount": [item.amount for item in recorded],
            "reason": [item.reason for item in recorded],
            "job": [_raw(item.job) for item in recorded],
            "lease": [_raw(item.lease) for item in recorded],
            "pending_id": [_raw(item.pending_id) for item in recorded],
        },
    )
    changed = {name: after for name, after in books.balances.items() if after != before.get(name)}
    await connection.execute(
        QUERIES["update_accounts"],
        {
            "names": list(changed),
            "posted": [after.posted for after in changed.values()],
            "reserved": [after.reserved for after in changed.values()],
        },
    )


def _hex(raw: bytes | None) -> str | None:
    return None if raw is None else raw.hex()


def _raw(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
