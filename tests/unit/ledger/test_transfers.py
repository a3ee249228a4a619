"""What the books record, and what they refuse."""

from __future__ import annotations

import msgspec
import pytest

from newral_ledger.transfers import (
    AMOUNT_MAX,
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
from newral_spec import trail

KEY, JOB, LEASE = "a" * 64, "b" * 64, "c" * 64
REQUESTER = trail.requester_account(KEY)
ESCROW = trail.escrow_account(JOB)
PROVIDER = trail.provider_account(KEY)

GRANT = Transfer(
    id=trail.transfer_id("grant", KEY),
    debit=trail.ISSUANCE,
    credit=REQUESTER,
    amount=100,
    reason="grant",
)
FUND = Transfer(
    id=trail.transfer_id("escrow", JOB), debit=REQUESTER, credit=ESCROW, amount=60, reason="escrow"
)
RESERVE = Transfer(
    id=LEASE,
    debit=ESCROW,
    credit=PROVIDER,
    amount=40,
    reason="work",
    job=JOB,
    lease=LEASE,
    phase=Phase.PENDING,
)
PAY = Posting(id=trail.transfer_id("work", LEASE), pending_id=LEASE)
VOID = Voiding(pending_id=LEASE)


def books(*requests: Request) -> Books:
    result = Books()
    for request in requests:
        assert result.record(request) is Result.OK
    return result


def test_money_moves_from_debit_to_credit() -> None:
    told = books(GRANT, FUND)
    assert told.balances == {
        trail.ISSUANCE: Balance(-100),
        REQUESTER: Balance(40),
        ESCROW: Balance(60),
    }


def test_a_pending_transfer_reserves_and_posting_it_pays() -> None:
    told = books(GRANT, FUND, RESERVE)
    assert told.balance(ESCROW) == (60, 40)
    assert told.balance(ESCROW).available == 20
    assert told.balance(PROVIDER) == (0, 0)
    assert told.record(PAY) is Result.OK
    assert told.balance(ESCROW) == (20, 0)
    assert told.balance(PROVIDER) == (40, 0)


def test_posting_less_frees_the_rest() -> None:
    told = books(GRANT, FUND, RESERVE, msgspec.structs.replace(PAY, amount=15))
    assert told.balance(ESCROW) == (45, 0)
    assert told.balance(PROVIDER) == (15, 0)


def test_voiding_frees_the_reservation() -> None:
    assert books(GRANT, FUND, RESERVE, VOID).balance(ESCROW) == (60, 0)


@pytest.mark.parametrize("end", [PAY, VOID])
def test_recording_again_changes_nothing(end: Request) -> None:
    told = books(GRANT, FUND, RESERVE, end)
    before = dict(told.balances)
    for request in (GRANT, FUND, RESERVE, end):
        assert told.record(request) is Result.EXISTS
    assert told.balances == before


def test_a_pending_transfer_ends_once() -> None:
    assert books(GRANT, FUND, RESERVE, PAY).record(VOID) is Result.PENDING_ALREADY_POSTED
    assert books(GRANT, FUND, RESERVE, VOID).record(PAY) is Result.PENDING_ALREADY_VOIDED


def test_reserved_money_is_not_spent_twice() -> None:
    told = books(GRANT, FUND, RESERVE)
    second = msgspec.structs.replace(RESERVE, id="d" * 64, amount=21)
    assert told.record(second) is Result.INSUFFICIENT_FUNDS
    assert told.record(msgspec.structs.replace(second, amount=20)) is Result.OK


@pytest.mark.parametrize(
    ("request_", "result"),
    [
        (msgspec.structs.replace(GRANT, id="A" * 64), Result.INVALID_ID),
        (msgspec.structs.replace(GRANT, debit="fee"), Result.INVALID_DEBIT_ACCOUNT),
        (msgspec.structs.replace(GRANT, credit="provider:x"), Result.INVALID_CREDIT_ACCOUNT),
        (msgspec.structs.replace(GRANT, credit=trail.ISSUANCE), Result.ACCOUNTS_ARE_THE_SAME),
        (msgspec.structs.replace(GRANT, amount=0), Result.AMOUNT_OUT_OF_RANGE),
        (msgspec.structs.replace(GRANT, amount=AMOUNT_MAX + 1), Result.AMOUNT_OUT_OF_RANGE),
        (msgspec.structs.replace(PAY, id="?"), Result.INVALID_ID),
        (msgspec.structs.replace(PAY, pending_id="e" * 64), Result.PENDING_NOT_FOUND),
        (Voiding(pending_id=GRANT.id), Result.PENDING_IS_NOT_PENDING),
        (msgspec.structs.replace(PAY, amount=41), Result.EXCEEDS_PENDING_AMOUNT),
        (msgspec.structs.replace(PAY, amount=0), Result.AMOUNT_OUT_OF_RANGE),
        (msgspec.structs.replace(PAY, amount=-1), Result.AMOUNT_OUT_OF_RANGE),
        (
            msgspec.structs.replace(GRANT, phase=Phase.PENDING),
            Result.EXISTS_WITH_DIFFERENT_PHASE,
        ),
        (
            msgspec.structs.replace(GRANT, credit=PROVIDER),
            Result.EXISTS_WITH_DIFFERENT_ACCOUNTS,
        ),
        (msgspec.structs.replace(GRANT, amount=99), Result.EXISTS_WITH_DIFFERENT_AMOUNT),
        (msgspec.structs.replace(GRANT, reason="work"), Result.EXISTS_WITH_DIFFERENT_REASON),
        (
            Transfer(id="f" * 64, debit=PROVIDER, credit=REQUESTER, amount=1, reason="work"),
            Result.INSUFFICIENT_FUNDS,
        ),
    ],
)
def test_a_refused_request_says_why_and_changes_nothing(request_: Request, result: Result) -> None:
    told = books(GRANT, FUND, RESERVE)
    before = dict(told.balances)
    assert told.record(request_) is result
    assert not result.stands
    assert told.balances == before


def test_an_id_posts_one_pending_transfer_only() -> None:
    other = msgspec.structs.replace(RESERVE, id="d" * 64, amount=20)
    told = books(GRANT, FUND, RESERVE, other, PAY)
    again = msgspec.structs.replace(PAY, pending_id=other.id)
    assert told.record(again) is Result.EXISTS_WITH_DIFFERENT_PENDING_ID


def test_an_end_is_not_given_as_a_plain_transfer() -> None:
    with pytest.raises(ValueError, match="Posting"):
        Books().record(msgspec.structs.replace(GRANT, phase=Phase.POSTING, pending_id=LEASE))


def test_a_transfer_is_its_log_entry() -> None:
    assert Transfer.from_entry(GRANT.to_entry(7)) == GRANT


def test_accounts_are_named_after_what_they_hold() -> None:
    assert all(map(is_account, (REQUESTER, ESCROW, PROVIDER, trail.ISSUANCE)))
    for name in ("", "issuance:", "fee:" + KEY, "provider:" + KEY.upper(), f"provider:{KEY}\n"):
        assert not is_account(name)
