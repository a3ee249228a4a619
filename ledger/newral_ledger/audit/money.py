"""Transfers: each follows from something else in the log, and together they obey the books."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from newral_ledger.audit.history import At, History, first_before
from newral_ledger.audit.report import Code, Difference, Note, NoteCode
from newral_ledger.audit.verdicts import PAID_OUTCOMES
from newral_ledger.transfers import Books, Result, Transfer
from newral_spec import trail


class Unfounded(Exception):
    """Nothing in the log is a reason for the transfer."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a transfer must be. Without an amount, whatever the escrow holds."""

    id: str
    debit: str
    credit: str
    amount: int | None
    job: str | None = None
    lease: str | None = None


def replay(history: History, size: int) -> Books:
    """The books after the first `size` entries; transfers that the rules forbid are left out."""
    books = Books()
    for at in history.transfers:
        if at.position < size:
            books.record(Transfer.from_entry(at.entry))
    return books


def check_transfers(history: History) -> Iterator[Difference]:
    """Every transfer is due, allowed and made once; every one that is due is made."""
    books = Books()
    for at in history.transfers:
        yield from _check_founded(history, at)
        result = books.record(Transfer.from_entry(at.entry))
        if result is not Result.OK:
            yield _difference(Code.TRANSFER_REFUSED, at, f"the books refuse it: {result}")
        elif at.entry.reason == "refund" and books.balance(at.entry.debit).posted != 0:
            message = f"{books.balance(at.entry.debit).posted} are left in {at.entry.debit}"
            yield _difference(Code.REFUND_INCOMPLETE, at, message)
    made = {at.entry.id for at in history.transfers}
    for position, due in _all_due(history):
        if due.id not in made:
            message = f"{due.amount} are due from {due.debit} to {due.credit}"
            yield Difference(Code.TRANSFER_MISSING, message, due.id, position=position)


def open_escrows(history: History, books: Books) -> Iterator[Note]:
    """Ended jobs that still hold money: a lease of theirs may be open, or a refund withheld."""
    for job in history.ends:
        left = books.balance(trail.escrow_account(job)).posted
        if left:
            yield Note(NoteCode.ESCROW_LEFT, f"job {job} has ended with {left} in escrow", job)


def _difference(code: Code, at: At[trail.TransferPosted], message: str) -> Difference:
    text = f"{at.entry.reason} transfer {at.entry.id}: {message}"
    return Difference(code, text, at.entry.id, position=at.position)


def _check_founded(history: History, at: At[trail.TransferPosted]) -> Iterator[Difference]:
    try:
        due = _due(history, at)
    except Unfounded as error:
        yield _difference(Code.TRANSFER_UNFOUNDED, at, str(error))
        return
    for name in ("id", "debit", "credit", "amount", "job", "lease"):
        is_, should = getattr(at.entry, name), getattr(due, name)
        if is_ != should and (name, should) != ("amount", None):
            yield _difference(Code.TRANSFER_WRONG, at, f"its {name} is {is_}, not {should}")


def _due(history: History, at: At[trail.TransferPosted]) -> Due:
    """What the transfer should be, from what happened before it. Raises `Unfounded`."""
    match at.entry.reason:
        case "grant":
            return _due_grant(history, at)
        case "escrow":
            accepted = first_before(history.jobs.get(at.entry.job or ""), at.position)
            if accepted is None:
                raise Unfounded("no job was accepted for it")
            return _due_escrow(accepted.entry)
        case "work":
            verdict = first_before(history.verdicts.get(at.entry.lease or ""), at.position)
            if verdict is None or verdict.entry.outcome not in PAID_OUTCOMES:
                raise Unfounded("no verdict pays for it")
            return _due_work(verdict.entry)
        case "refund":
            return _due_refund(history, at)


def _due_grant(history: History, at: At[trail.TransferPosted]) -> Due:
    requester = at.entry.credit.removeprefix(trail.requester_account(""))
    policy = history.policy_at(at.position)
    if policy is None or requester not in history.requesters:
        raise Unfounded(f"{at.entry.credit} is no requester with a job")
    return Due(
        id=trail.transfer_id("grant", requester),
        debit=trail.ISSUANCE,
        credit=trail.requester_account(requester),
        amount=policy.grant,
    )


def _due_escrow(accepted: trail.JobAccepted) -> Due:
    return Due(
        id=trail.transfer_id("escrow", accepted.job),
        debit=trail.requester_account(accepted.requester),
        credit=trail.escrow_account(accepted.job),
        amount=accepted.budget,
        job=accepted.job,
    )


def _due_work(verdict: trail.VerdictGiven) -> Due:
    return Due(
        id=trail.transfer_id("work", verdict.lease),
        debit=trail.escrow_account(verdict.job),
        credit=trail.provider_account(verdict.provider),
        amount=verdict.credits,
        job=verdict.job,
        lease=verdict.lease,
    )


def _due_refund(history: History, at: At[trail.TransferPosted]) -> Due:
    job = at.entry.job or ""
    accepted = first_before(history.jobs.get(job), at.position)
    # The refund is part of the job's end, and may come just before the entry that tells of it.
    if accepted is None or history.end_of(job) is None:
        raise Unfounded("no job has ended for it")
    return Due(
        id=trail.transfer_id("refund", job),
        debit=trail.escrow_account(job),
        credit=trail.requester_account(accepted.entry.requester),
        amount=None,
        job=job,
    )


def _all_due(history: History) -> Iterator[tuple[int, Due]]:
    """The transfers that must be there: escrow for every job, pay for every paid verdict."""
    for jobs in history.jobs.values():
        if jobs[0].entry.budget > 0:
            yield jobs[0].position, _due_escrow(jobs[0].entry)
    for verdicts in history.verdicts.values():
        verdict = verdicts[0].entry
        if verdict.outcome in PAID_OUTCOMES and verdict.credits > 0:
            yield verdicts[0].position, _due_work(verdict)
