"""Whatever is altered in an honest trail, by whoever passes it on, an audit reports it."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from newral_testing.trails import COORDINATOR, honest_market, key

from newral_ledger.audit import AuditInputs, ClaimedBalances, Code, audit
from newral_ledger.merkle import leaf_hash, tree_root
from newral_spec import trail
from newral_spec.event import Event, sign_draft
from newral_spec.messages import (
    Checkpoint,
    decode_receipt,
    encode_checkpoint,
    encode_receipt,
)

HONEST = honest_market().inputs()
SIZE = len(HONEST.entries)


def codes(inputs: AuditInputs) -> set[Code]:
    return {difference.code for difference in audit(inputs).differences}


def flipped(data: st.DataObject, raw: bytes) -> bytes:
    at = data.draw(st.integers(0, len(raw) - 1))
    bits = data.draw(st.integers(1, 255))
    return raw[:at] + bytes([raw[at] ^ bits]) + raw[at + 1 :]


@given(st.data())
def test_any_byte_of_the_log(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, SIZE - 1))
    entries = list(HONEST.entries)
    entries[position] = flipped(data, entries[position])
    assert Code.CHECKPOINT_ROOT_WRONG in codes(replace(HONEST, entries=tuple(entries)))


@given(st.data())
def test_any_byte_of_the_evidence(data: st.DataObject) -> None:
    event_id = data.draw(st.sampled_from(sorted(HONEST.events)))
    events = {**HONEST.events, event_id: flipped(data, HONEST.events[event_id])}
    found = codes(replace(HONEST, events=events))
    assert found & {Code.REQUEST_UNPROVEN, Code.COMMITMENT_UNPROVEN}


@given(st.sampled_from(sorted(HONEST.events)), st.sampled_from(sorted(HONEST.events)))
def test_evidence_that_is_missing_or_swapped(event_id: str, other: str) -> None:
    events = {**HONEST.events, event_id: HONEST.events[other]}
    if event_id == other:
        del events[event_id]
    found = codes(replace(HONEST, events=events))
    assert found & {Code.REQUEST_UNPROVEN, Code.COMMITMENT_UNPROVEN}


def resigned(data: st.DataObject, event: Event) -> Event:
    """The event with one digit of its signature altered."""
    at = data.draw(st.integers(0, 127))
    digit = data.draw(st.sampled_from([d for d in "0123456789abcdef" if d != event.sig[at]]))
    return msgspec.structs.replace(event, sig=event.sig[:at] + digit + event.sig[at + 1 :])


@given(st.data())
def test_any_signature_of_the_coordinator(data: st.DataObject) -> None:
    index = data.draw(st.integers(0, 2))
    checkpoints, receipts = list(HONEST.checkpoints), list(HONEST.receipts)
    checkpoints[index] = resigned(data, checkpoints[index])
    assert Code.CHECKPOINT_INVALID in codes(replace(HONEST, checkpoints=tuple(checkpoints)))
    receipts[index] = resigned(data, receipts[index])
    assert Code.RECEIPT_INVALID in codes(replace(HONEST, receipts=tuple(receipts)))


@given(st.integers(0, SIZE - 1))
def test_an_entry_that_is_dropped(position: int) -> None:
    entries = HONEST.entries[:position] + HONEST.entries[position + 1 :]
    assert Code.CHECKPOINT_BEYOND_LOG in codes(replace(HONEST, entries=entries))


@given(st.integers(0, SIZE - 1))
def test_an_entry_that_is_told_twice(position: int) -> None:
    entries = HONEST.entries[: position + 1] + HONEST.entries[position:]
    assert not audit(replace(HONEST, entries=entries)).clean


@given(st.lists(st.integers(0, SIZE - 1), min_size=2, max_size=2, unique=True))
def test_entries_that_changed_places(places: list[int]) -> None:
    entries = list(HONEST.entries)
    entries[places[0]], entries[places[1]] = entries[places[1]], entries[places[0]]
    assert Code.CHECKPOINT_ROOT_WRONG in codes(replace(HONEST, entries=tuple(entries)))


@given(st.data(), st.integers(-(10**15), 10**15).filter(bool))
def test_any_balance(data: st.DataObject, change: int) -> None:
    assert HONEST.claimed is not None
    balances = dict(HONEST.claimed.balances)
    account = data.draw(st.sampled_from([*sorted(balances), trail.provider_account("0" * 64)]))
    balances[account] = balances.get(account, 0) + change
    claimed = ClaimedBalances(SIZE, balances)
    assert codes(replace(HONEST, claimed=claimed)) == {Code.BALANCE_WRONG}


@given(st.data(), st.integers(0, 10**15))
def test_any_amount_that_a_provider_was_told(data: st.DataObject, amount: int) -> None:
    index = data.draw(st.integers(0, len(HONEST.receipts) - 1))
    receipts = list(HONEST.receipts)
    told = decode_receipt(receipts[index])
    which = data.draw(st.integers(0, len(told.verdicts) - 1))
    verdicts = list(told.verdicts)
    verdicts[which] = msgspec.structs.replace(verdicts[which], credits=amount)
    draft = encode_receipt(msgspec.structs.replace(told, verdicts=tuple(verdicts)))
    receipts[index] = sign_draft(COORDINATOR, draft, receipts[index].created_at)
    expected = {Code.RECEIPT_WRONG} if tuple(verdicts) != told.verdicts else set()
    assert codes(replace(HONEST, receipts=tuple(receipts))) == expected


@given(st.integers(1, SIZE), st.booleans())
def test_a_fork_at_any_size(size: int, is_ours: bool) -> None:
    """Another log of that size, signed by the coordinator or by somebody else."""
    leaves = [leaf_hash(raw) for raw in [*HONEST.entries[: size - 1], b"another history"]]
    forked = Checkpoint(size=size, root=tree_root(leaves).hex(), previous=HONEST.checkpoints[-1].id)
    author = COORDINATOR if is_ours else key("stranger")
    event = sign_draft(author, encode_checkpoint(forked), HONEST.checkpoints[-1].created_at)
    found = codes(replace(HONEST, checkpoints=(*HONEST.checkpoints, event)))
    assert (Code.CHECKPOINT_ROOT_WRONG if is_ours else Code.CHECKPOINT_INVALID) in found
    if is_ours and size == SIZE:
        assert Code.EQUIVOCATION in found


@given(st.permutations(HONEST.checkpoints), st.permutations(HONEST.receipts))
def test_the_order_in_which_things_are_found_does_not_matter(
    checkpoints: list[Event], receipts: list[Event]
) -> None:
    inputs = replace(
        HONEST,
        checkpoints=(*checkpoints, *checkpoints),
        receipts=(*receipts, *receipts),
    )
    assert audit(inputs).differences == ()
