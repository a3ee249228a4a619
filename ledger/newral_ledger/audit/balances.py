"""Balances: what the coordinator states is what the transfers make."""

from __future__ import annotations

from collections.abc import Iterator

from newral_ledger.audit.history import History
from newral_ledger.audit.inputs import ClaimedBalances
from newral_ledger.audit.money import replay
from newral_ledger.audit.report import Code, Difference


def check_balances(history: History, claimed: ClaimedBalances) -> Iterator[Difference]:
    """Compare claimed balances with the replay of the log up to the size they are claimed for."""
    if claimed.log_size > len(history.entries):
        yield Difference(
            Code.BALANCES_BEYOND_LOG,
            f"the balances are of {claimed.log_size} entries, and the log has"
            f" {len(history.entries)}",
        )
        return
    books = replay(history, claimed.log_size)
    for account in sorted(books.balances.keys() | claimed.balances.keys()):
        is_, should = claimed.balances.get(account, 0), books.balance(account).posted
        if is_ != should:
            message = f"{account} is said to have {is_}; the transfers make {should}"
            yield Difference(Code.BALANCE_WRONG, message, account)
