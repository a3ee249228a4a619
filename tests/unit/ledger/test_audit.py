"""An audit finds nothing wrong with an honest trail, and names what is wrong with any other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

import msgspec
import pytest
from newral_testing.trails import COORDINATOR, GRANT, Market, honest_market, key

from newral_ledger.audit import AuditInputs, ClaimedBalances, Code, NoteCode, audit
from newral_spec import trail
from newral_spec.event import Event, sign_draft
from newral_spec.messages import (
    Checkpoint,
    decode_checkpoint,
    decode_receipt,
    encode_checkpoint,
    encode_receipt,
)

E = TypeVar("E", bound=trail.Entry)
ZEROS = "0" * 64


def test_an_honest_trail_is_clean() -> None:
    report = audit(honest_market().inputs())
    assert report.differences == ()
    assert report.clean
    counts = report.counts
    assert (counts.entries, counts.jobs, counts.units, counts.leases) == (40, 3, 5, 8)
    assert (counts.verdicts, counts.transfers, counts.checkpoints) == (7, 12, 3)
    # Three requests, seven sealed results, three checkpoints, three receipts.
    assert (counts.receipts, counts.events, counts.signatures) == (3, 10, 16)
    assert sum(report.balances.values()) == 0
    assert report.balances[trail.ISSUANCE] == -2 * GRANT
    assert report.notes == ()
    assert json.loads(report.to_json())["clean"] is True


# Each of these is a coordinator that lies and signs its lies consistently.

Lie = Callable[[Market], None]
LIES: dict[str, tuple[Code, Lie]] = {}


def lie(code: Code) -> Callable[[Lie], Lie]:
    """Register a lie, and what an audit has to call it."""

    def register(tell: Lie) -> Lie:
        LIES[tell.__name__] = code, tell
        return tell

    return register


def find(market: Market, kind: type[E], **members: object) -> tuple[int, E]:
    """The first entry of a kind whose members have these values."""
    for position, entry in enumerate(market.entries):
        if isinstance(entry, kind) and all(
            getattr(entry, name) == value for name, value in members.items()
        ):
            return position, entry
    raise LookupError(kind)


def change(market: Market, kind: type[E], changes: Mapping[str, object], **members: object) -> None:
    """Replace members of the first such entry."""
    position, entry = find(market, kind, **members)
    market.entries[position] = msgspec.structs.replace(entry, **changes)


def remove(market: Market, kind: type[E], **members: object) -> None:
    """Leave the first such entry out of the story, and of later checkpoints' sizes."""
    position, _ = find(market, kind, **members)
    del market.entries[position]
    market.checkpoints = [(size - (size > position), at) for size, at in market.checkpoints]


def add(market: Market, entry: trail.Entry) -> None:
    """Tell one more entry, covered by one more checkpoint."""
    market.tell(entry)
    market.checkpoint()


@lie(Code.POLICY_MISSING)
def starts_without_rules(market: Market) -> None:
    remove(market, trail.PolicySet)


@lie(Code.POLICY_FOREIGN)
def follows_another_policy(market: Market) -> None:
    change(market, trail.PolicySet, {"coordinator": ZEROS})


@lie(Code.CHECKPOINT_MISSING)
def never_signs_its_log(market: Market) -> None:
    market.checkpoints.clear()


@lie(Code.JOB_REPEATED)
def accepts_a_job_twice(market: Market) -> None:
    add(market, find(market, trail.JobAccepted)[1])


@lie(Code.REQUEST_UNPROVEN)
def invents_a_job(market: Market) -> None:
    change(market, trail.JobAccepted, {"request": ZEROS})


@lie(Code.REQUEST_UNPROVEN)
def charges_another_requester(market: Market) -> None:
    change(market, trail.JobAccepted, {"requester": key("bob").public_key})


@lie(Code.REQUEST_UNPROVEN)
def uses_a_request_for_another_job(market: Market) -> None:
    _, private = find(market, trail.JobAccepted, requester=key("bob").public_key)
    _, public = find(market, trail.JobAccepted)
    changes = {"request": public.request, "requester": public.requester}
    change(market, trail.JobAccepted, changes, job=private.job)


@lie(Code.REQUEST_UNPROVEN)
def takes_a_result_for_a_request(market: Market) -> None:
    _, committed = find(market, trail.CommitmentReceived)
    changes = {"request": committed.event, "requester": committed.provider}
    change(market, trail.JobAccepted, changes)


@lie(Code.REQUEST_UNPROVEN)
def takes_a_job_from_another_coordinator(market: Market) -> None:
    market.accept_job("carol", 4, budget=10, addressee=key("stranger").public_key)
    market.checkpoint()


@lie(Code.BUDGET_EXCEEDS_BID)
def takes_more_than_the_bid(market: Market) -> None:
    _, accepted = find(market, trail.JobAccepted)
    change(market, trail.JobAccepted, {"budget": 1001})
    change(market, trail.TransferPosted, {"amount": 1001}, reason="escrow", job=accepted.job)


@lie(Code.JOB_END_WRONG)
def ends_a_job_twice(market: Market) -> None:
    add(market, find(market, trail.JobEnded)[1])


@lie(Code.JOB_END_WRONG)
def ends_a_job_that_nobody_posted(market: Market) -> None:
    add(market, trail.JobEnded(at=0, job=ZEROS, state="failed"))


@lie(Code.JOB_END_WRONG)
def completes_a_job_without_output(market: Market) -> None:
    change(market, trail.JobEnded, {"output_sha256": None})


@lie(Code.LEASE_ID_WRONG)
def names_a_lease_at_will(market: Market) -> None:
    _, running = find(market, trail.LeaseGranted, job=last_job(market))
    change(market, trail.LeaseGranted, {"lease": ZEROS}, lease=running.lease)


@lie(Code.LEASE_FENCE_WRONG)
def skips_a_fence(market: Market) -> None:
    _, running = find(market, trail.LeaseGranted, job=last_job(market))
    changes = {"fence": 2, "lease": trail.lease_id(running.unit, 2)}
    change(market, trail.LeaseGranted, changes, lease=running.lease)


@lie(Code.LEASE_UNIT_CHANGED)
def changes_the_work_of_a_unit(market: Market) -> None:
    change(market, trail.LeaseGranted, {"unit_sha256": ZEROS}, fence=2)


@lie(Code.LEASE_WITHOUT_JOB)
def lends_for_no_job(market: Market) -> None:
    _, running = find(market, trail.LeaseGranted, job=last_job(market))
    change(market, trail.LeaseGranted, {"job": ZEROS}, lease=running.lease)


@lie(Code.LEASE_AFTER_END)
def lends_after_the_end(market: Market) -> None:
    market.lend(find(market, trail.JobEnded)[1].job, 9, "p1")
    market.checkpoint()


@lie(Code.COMMITMENT_WITHOUT_LEASE)
def takes_a_commitment_from_nobody(market: Market) -> None:
    change(market, trail.CommitmentReceived, {"unit": ZEROS})


@lie(Code.COMMITMENT_REPEATED)
def lets_a_provider_commit_again(market: Market) -> None:
    add(market, find(market, trail.CommitmentReceived)[1])


@lie(Code.COMMITMENT_UNPROVEN)
def invents_a_commitment(market: Market) -> None:
    change(market, trail.CommitmentReceived, {"commitment": ZEROS})


@lie(Code.COMMITMENT_UNPROVEN)
def takes_another_provider_for_the_author(market: Market) -> None:
    events = [e for e in market.entries if isinstance(e, trail.CommitmentReceived)]
    change(market, trail.CommitmentReceived, {"event": events[1].event})


@lie(Code.DOUBLE_VOTE)
def counts_a_provider_twice(market: Market) -> None:
    job = market.accept_job("carol", 9, budget=500)
    for lease in [market.lend(job, 0, "p1"), market.lend(job, 0, "p1")]:
        market.commit(lease, "p1", answer=1)
    market.checkpoint()


@lie(Code.VERDICT_REPEATED)
def judges_twice(market: Market) -> None:
    add(market, find(market, trail.VerdictGiven, outcome="rejected")[1])


@lie(Code.VERDICT_WITHOUT_LEASE)
def judges_another_unit(market: Market) -> None:
    change(market, trail.VerdictGiven, {"unit": ZEROS})


@lie(Code.VERDICT_WITHOUT_LEASE)
def judges_what_was_never_lent(market: Market) -> None:
    change(market, trail.VerdictGiven, {"lease": ZEROS})


@lie(Code.VERDICT_WITHOUT_COMMITMENT)
def judges_what_was_never_sealed(market: Market) -> None:
    remove(market, trail.CommitmentReceived)


@lie(Code.VERDICT_WITHOUT_COMMITMENT)
def judges_before_the_commitment(market: Market) -> None:
    committed, entry = find(market, trail.CommitmentReceived)
    judged, verdict = find(market, trail.VerdictGiven, lease=entry.lease)
    market.entries[committed], market.entries[judged] = verdict, entry


@lie(Code.REVEAL_WRONG)
def reveals_another_result(market: Market) -> None:
    change(market, trail.VerdictGiven, {"result_sha256": ZEROS}, outcome="rejected")


@lie(Code.CREDITS_WRONG)
def pays_more_than_the_price(market: Market) -> None:
    _, verdict = find(market, trail.VerdictGiven, outcome="accepted")
    change(market, trail.VerdictGiven, {"credits": 101}, lease=verdict.lease)
    change(market, trail.TransferPosted, {"amount": 101}, reason="work", lease=verdict.lease)


@lie(Code.CREDITS_WRONG)
def rewards_a_rejected_result(market: Market) -> None:
    change(market, trail.VerdictGiven, {"credits": 1}, outcome="rejected")


@lie(Code.VERDICT_AFTER_END)
def accepts_after_the_end(market: Market) -> None:
    ended, entry = find(market, trail.JobEnded)
    accepted, verdict = find(market, trail.VerdictGiven, outcome="accepted")
    market.entries[ended], market.entries[accepted] = verdict, entry


@lie(Code.VERDICT_AFTER_END)
def pays_for_what_came_after_the_end(market: Market) -> None:
    ended, entry = find(market, trail.JobEnded, state="cancelled")
    came, committed = find(market, trail.CommitmentReceived, provider=key("p3").public_key)
    came, committed = next(
        (position, item)
        for position, item in enumerate(market.entries)
        if isinstance(item, trail.CommitmentReceived) and position > came
    )
    market.entries[ended], market.entries[came] = committed, entry


@lie(Code.VERDICT_MISSING)
def keeps_silent_about_a_result(market: Market) -> None:
    remove(market, trail.VerdictGiven, outcome="rejected")


@lie(Code.RESULTS_DISAGREE)
def accepts_two_results_of_a_unit(market: Market) -> None:
    change(market, trail.VerdictGiven, {"outcome": "accepted"}, outcome="rejected")


@lie(Code.QUORUM_NOT_REACHED)
def accepts_without_a_second_opinion(market: Market) -> None:
    change(market, trail.VerdictGiven, {"reason": "believed"}, reason="proved: by its certificate")


@lie(Code.TRANSFER_REFUSED)
def pays_twice(market: Market) -> None:
    add(market, find(market, trail.TransferPosted, reason="work")[1])


@lie(Code.TRANSFER_REFUSED)
def spends_what_a_requester_has_not(market: Market) -> None:
    remove(market, trail.TransferPosted, reason="grant")


@lie(Code.TRANSFER_UNFOUNDED)
def pays_for_a_rejected_result(market: Market) -> None:
    _, verdict = find(market, trail.VerdictGiven, outcome="rejected")
    escrow, provider = trail.escrow_account(last_job(market)), verdict.provider
    account = trail.provider_account(provider)
    market.transfer("work", verdict.lease, escrow, account, 1, verdict.job, verdict.lease)
    market.checkpoint()


@lie(Code.TRANSFER_UNFOUNDED)
def grants_credits_to_a_friend(market: Market) -> None:
    friend = key("friend").public_key
    account = trail.requester_account(friend)
    market.transfer("grant", friend, trail.ISSUANCE, account, GRANT)
    market.checkpoint()


@lie(Code.TRANSFER_UNFOUNDED)
def refunds_a_job_that_runs(market: Market) -> None:
    job = last_job(market)
    requester = trail.requester_account(key("alice").public_key)
    market.transfer("refund", job, trail.escrow_account(job), requester, 500, job)
    market.checkpoint()


@lie(Code.TRANSFER_UNFOUNDED)
def fills_the_escrow_of_no_job(market: Market) -> None:
    requester = trail.requester_account(key("alice").public_key)
    market.transfer("escrow", ZEROS, requester, trail.escrow_account(ZEROS), 1, ZEROS)
    market.checkpoint()


@lie(Code.TRANSFER_WRONG)
def pays_somebody_else(market: Market) -> None:
    account = trail.provider_account(key("friend").public_key)
    change(market, trail.TransferPosted, {"credit": account}, reason="work")


@lie(Code.TRANSFER_WRONG)
def grants_more_than_the_policy(market: Market) -> None:
    change(market, trail.TransferPosted, {"amount": GRANT + 1}, reason="grant")


@lie(Code.TRANSFER_MISSING)
def withholds_pay(market: Market) -> None:
    remove(market, trail.TransferPosted, reason="work")


@lie(Code.TRANSFER_MISSING)
def works_without_escrow(market: Market) -> None:
    remove(market, trail.TransferPosted, reason="escrow", job=last_job(market))


@lie(Code.REFUND_INCOMPLETE)
def keeps_a_part_of_the_refund(market: Market) -> None:
    change(market, trail.TransferPosted, {"amount": 1}, reason="refund")


@lie(Code.RECEIPT_MISSING)
def never_tells_a_provider(market: Market) -> None:
    market.silent.add(find(market, trail.VerdictGiven)[1].lease)


@lie(Code.RECEIPT_MISSING)
def dates_a_verdict_late_to_put_off_its_receipt(market: Market) -> None:
    _, verdict = find(market, trail.VerdictGiven)
    change(market, trail.VerdictGiven, {"at": 2**40}, lease=verdict.lease)
    market.silent.add(verdict.lease)
    market.checkpoint()


def last_job(market: Market) -> str:
    return [entry.job for entry in market.entries if isinstance(entry, trail.JobAccepted)][-1]


@pytest.mark.parametrize("name", LIES)
def test_a_consistent_lie_is_named(name: str) -> None:
    code, tell = LIES[name]
    market = honest_market()
    tell(market)
    report = audit(market.inputs())
    assert code in {difference.code for difference in report.differences}, report.differences
    assert not report.clean


# And these are inputs that do not fit together.


def resigned(event: Event, changes: dict[str, object]) -> Event:
    """A coordinator's checkpoint with other members."""
    checkpoint = msgspec.structs.replace(decode_checkpoint(event), **changes)
    return sign_draft(COORDINATOR, encode_checkpoint(checkpoint), event.created_at)


def forged_receipt(event: Event, created_at: int | None = None, **changes: object) -> Event:
    """A receipt of the coordinator whose first verdict has other members."""
    receipt = decode_receipt(event)
    verdict = msgspec.structs.replace(receipt.verdicts[0], **changes)
    draft = encode_receipt(msgspec.structs.replace(receipt, verdicts=(verdict,)))
    return sign_draft(COORDINATOR, draft, event.created_at if created_at is None else created_at)


HONEST = honest_market().inputs()
NEWEST = HONEST.checkpoints[-1]
SIZE = len(HONEST.entries)
BALANCES = dict(HONEST.claimed.balances) if HONEST.claimed else {}
STRANGER_CHECKPOINT = sign_draft(
    key("stranger"), encode_checkpoint(Checkpoint(size=0, root=ZEROS)), 1_700_000_000
)
STRANGER_RECEIPT = sign_draft(
    key("stranger"), encode_receipt(decode_receipt(HONEST.receipts[0])), 1_700_000_000
)


MISFITS: list[tuple[Code, AuditInputs]] = [
    (Code.ENTRY_MALFORMED, replace(HONEST, entries=(*HONEST.entries[:-1], b"{}"))),
    (Code.ENTRY_MALFORMED, replace(HONEST, entries=(*HONEST.entries[:-1], b" {}"))),
    (Code.POLICY_MISSING, replace(HONEST, entries=())),
    (Code.POLICY_FOREIGN, replace(HONEST, coordinator=key("p1").public_key)),
    (Code.CHECKPOINT_BEYOND_LOG, replace(HONEST, entries=HONEST.entries[:-1])),
    (Code.CHECKPOINT_ROOT_WRONG, replace(HONEST, entries=HONEST.entries[::-1])),
    (Code.CHECKPOINT_INVALID, replace(HONEST, checkpoints=(STRANGER_CHECKPOINT,))),
    (Code.CHECKPOINT_INVALID, replace(HONEST, checkpoints=HONEST.receipts)),
    (
        Code.EQUIVOCATION,
        replace(HONEST, checkpoints=(*HONEST.checkpoints, resigned(NEWEST, {"root": ZEROS}))),
    ),
    (
        Code.CHECKPOINT_CHAIN_BROKEN,
        replace(HONEST, checkpoints=(*HONEST.checkpoints, resigned(NEWEST, {"previous": None}))),
    ),
    (
        Code.CHECKPOINT_CHAIN_BROKEN,
        replace(
            HONEST,
            checkpoints=(
                NEWEST,
                resigned(HONEST.checkpoints[0], {"previous": NEWEST.id}),
            ),
        ),
    ),
    (Code.RECEIPT_INVALID, replace(HONEST, receipts=(STRANGER_RECEIPT,))),
    (Code.RECEIPT_INVALID, replace(HONEST, receipts=HONEST.checkpoints)),
    (
        Code.RECEIPT_WRONG,
        replace(HONEST, receipts=(forged_receipt(HONEST.receipts[0], credits=99),)),
    ),
    (
        Code.RECEIPT_WRONG,
        replace(HONEST, receipts=(forged_receipt(HONEST.receipts[0], commitment=ZEROS),)),
    ),
    (
        Code.RECEIPT_WRONG,
        replace(HONEST, receipts=(forged_receipt(HONEST.receipts[0], position=0),)),
    ),
    (
        Code.RECEIPT_BEYOND_LOG,
        replace(
            HONEST,
            receipts=(
                *HONEST.receipts,
                forged_receipt(HONEST.receipts[0], NEWEST.created_at - 60, position=SIZE),
            ),
        ),
    ),
    (
        Code.BALANCE_WRONG,
        replace(HONEST, claimed=ClaimedBalances(SIZE, {**BALANCES, "provider:" + ZEROS: 1})),
    ),
    (Code.BALANCES_BEYOND_LOG, replace(HONEST, claimed=ClaimedBalances(SIZE + 1, BALANCES))),
]


@pytest.mark.parametrize(("code", "inputs"), MISFITS)
def test_what_does_not_fit_is_named(code: Code, inputs: AuditInputs) -> None:
    assert code in {difference.code for difference in audit(inputs).differences}


def test_every_code_is_tested() -> None:
    codes = {code for code, _ in LIES.values()} | {code for code, _ in MISFITS}
    assert codes == set(Code)


# What a live or forgetful market shows is no contradiction.


def notes_of(inputs: AuditInputs) -> set[NoteCode]:
    report = audit(inputs)
    assert report.differences == ()
    return {note.code for note in report.notes}


def test_entries_after_the_newest_checkpoint_are_noted() -> None:
    market = honest_market()
    market.lend(last_job(market), 1, "p2")
    assert notes_of(market.inputs()) == {NoteCode.UNCOVERED}


def test_a_checkpoint_that_relays_forgot_is_noted() -> None:
    checkpoints = (HONEST.checkpoints[0], HONEST.checkpoints[2])
    assert notes_of(replace(HONEST, checkpoints=checkpoints)) == {NoteCode.CHECKPOINT_GAP}


def test_a_receipt_newer_than_the_log_is_noted() -> None:
    ahead = forged_receipt(HONEST.receipts[0], NEWEST.created_at + 1, position=SIZE)
    inputs = replace(HONEST, receipts=(*HONEST.receipts, ahead))
    assert notes_of(inputs) == {NoteCode.RECEIPT_AHEAD}


def test_money_left_in_escrow_is_noted() -> None:
    market = honest_market()
    remove(market, trail.TransferPosted, reason="refund")
    assert notes_of(market.inputs()) == {NoteCode.ESCROW_LEFT}


def test_a_verdict_may_wait_a_while_for_its_receipt() -> None:
    market = honest_market()
    lease = market.lend(last_job(market), 1, "p2")
    market.commit(lease, "p2", answer=5)
    market.judge(lease, "accepted", "proved: by its certificate")
    market.silent.add(lease.lease)
    market.checkpoints.append((len(market.entries), market.now))
    assert notes_of(market.inputs()) == set()


def test_balances_may_be_of_an_earlier_size() -> None:
    market = Market()
    market.accept_job("alice", 1, budget=10)
    size, books = len(market.entries), market.books()
    market.accept_job("alice", 2, budget=10)
    market.checkpoint()
    balances = {name: books.balance(name).posted for name in books.balances}
    inputs = replace(market.inputs(), claimed=ClaimedBalances(size, balances))
    assert notes_of(inputs) == set()


def test_a_request_without_an_addressee_may_be_taken_by_anybody() -> None:
    market = honest_market()
    market.accept_job("carol", 4, budget=10, addressee=None)
    market.checkpoint()
    assert notes_of(market.inputs()) == set()
