"""Invariants of the books, whatever is asked of them."""

from __future__ import annotations

from hypothesis import given
from newral_testing.transfers import FUNDING, requests

from newral_ledger.transfers import Books, Phase, Request, Result, Transfer
from newral_spec import trail


@given(requests())
def test_money_is_neither_made_nor_overdrawn(history: list[Request]) -> None:
    books = Books()
    for request in [*FUNDING, *history]:
        before = dict(books.balances)
        result = books.record(request)
        assert result is Result.OK or dict(books.balances) == before
        assert sum(balance.posted for balance in books.balances.values()) == 0
        for account, balance in books.balances.items():
            assert balance.reserved >= 0
            assert account == trail.ISSUANCE or balance.available >= 0


@given(requests())
def test_what_is_recorded_again_changes_nothing(history: list[Request]) -> None:
    books = Books()
    recorded = [request for request in [*FUNDING, *history] if books.record(request) is Result.OK]
    before = dict(books.balances)
    assert [books.record(request) for request in recorded] == [Result.EXISTS] * len(recorded)
    assert books.balances == before


@given(requests())
def test_balances_are_the_sum_of_the_transfers(history: list[Request]) -> None:
    books = Books()
    lines = [
        books.transfer(request.id)
        for request in [*FUNDING, *history]
        if books.record(request) is Result.OK
    ]
    posted: dict[str, int] = {}
    open_pending: dict[str, Transfer] = {}
    for line in lines:
        assert line is not None
        if line.phase is Phase.PENDING:
            open_pending[line.id] = line
            continue
        if line.pending_id is not None:
            assert line.amount <= open_pending.pop(line.pending_id).amount
        if line.phase is not Phase.VOIDING:
            posted[line.debit] = posted.get(line.debit, 0) - line.amount
            posted[line.credit] = posted.get(line.credit, 0) + line.amount
    for account, balance in books.balances.items():
        assert balance.posted == posted.get(account, 0)
        assert balance.reserved == sum(
            line.amount for line in open_pending.values() if line.debit == account
        )
