"""Receipts: what the coordinator told providers is what its log says, and it told them all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from newral_ledger.audit.checkpoints import Coverage
from newral_ledger.audit.evidence import Evidence
from newral_ledger.audit.history import History
from newral_ledger.audit.inputs import AuditInputs
from newral_ledger.audit.report import Code, Difference, Note, NoteCode
from newral_spec import trail
from newral_spec.event import Event, InvalidEvent
from newral_spec.messages import InvalidMessage, Receipt, Verdict, decode_receipt

SETTLING_S: Final = 60
"""How long receipts and checkpoints of a live log may lag behind each other."""


def check_receipts(
    inputs: AuditInputs, history: History, evidence: Evidence, coverage: Coverage
) -> tuple[list[Difference], list[Note]]:
    """Compare all receipts with the log."""
    differences: list[Difference] = []
    notes: list[Note] = []
    told: set[int] = set()
    for event in inputs.receipts:
        receipt = _verify(event, inputs.coordinator, evidence)
        if isinstance(receipt, Difference):
            differences.append(receipt)
            continue
        for verdict in receipt.verdicts:
            if verdict.position < len(history.entries):
                told.add(verdict.position)
                differences.extend(_compare(event, receipt.provider, verdict, history))
            elif event.created_at <= coverage.signed_at - SETTLING_S:
                message = f"entry {verdict.position} should be in the log by now"
                differences.append(_difference(Code.RECEIPT_BEYOND_LOG, event, verdict, message))
            else:
                message = f"a receipt tells of entry {verdict.position}"
                notes.append(Note(NoteCode.RECEIPT_AHEAD, message, verdict.lease))
    differences.extend(_missing(history, coverage, told))
    return differences, notes


def _difference(code: Code, event: Event, verdict: Verdict, message: str) -> Difference:
    text = f"receipt for lease {verdict.lease}: {message}"
    return Difference(code, text, verdict.lease, position=verdict.position, event=event.id)


def _verify(event: Event, coordinator: str, evidence: Evidence) -> Receipt | Difference:
    try:
        evidence.verify(event)
        receipt = decode_receipt(event)
    except (InvalidEvent, InvalidMessage) as error:
        return Difference(Code.RECEIPT_INVALID, f"receipt: {error}", event=event.id)
    if event.pubkey != coordinator:
        message = f"the receipt is signed by {event.pubkey}"
        return Difference(Code.RECEIPT_INVALID, message, event=event.id)
    return receipt


def _compare(event: Event, provider: str, told: Verdict, history: History) -> Iterator[Difference]:
    entry = history.entries[told.position]
    if not isinstance(entry, trail.VerdictGiven):
        message = f"entry {told.position} is no verdict"
        yield _difference(Code.RECEIPT_WRONG, event, told, message)
        return
    if entry.provider != provider:
        message = f"it is addressed to {provider}, and the verdict is on {entry.provider}"
        yield _difference(Code.RECEIPT_WRONG, event, told, message)
    for name in ("lease", "unit", "job", "outcome", "reason", "credits", "nonce", "result_sha256"):
        is_, should = getattr(told, name), getattr(entry, name)
        if is_ != should:
            message = f"its {name} is {is_}, and the log's {should}"
            yield _difference(Code.RECEIPT_WRONG, event, told, message)
    committed = history.commitments.get(entry.lease)
    if committed and committed[0].entry.commitment != told.commitment:
        message = "its commitment is not the log's"
        yield _difference(Code.RECEIPT_WRONG, event, told, message)


def _missing(history: History, coverage: Coverage, told: set[int]) -> Iterator[Difference]:
    """Verdicts that nobody was told of, though a checkpoint of long ago covers them.

    A coordinator cannot put this off by dating its verdicts late: it is enough that an earlier
    checkpoint covers them.
    """
    settled_at = coverage.signed_at - SETTLING_S
    settled_size = coverage.size_at(settled_at)
    for group in history.verdicts.values():
        for at in group:
            is_due = at.position < settled_size or (
                at.position < coverage.size and at.entry.at <= settled_at
            )
            if is_due and at.position not in told:
                message = f"provider {at.entry.provider} has no receipt for lease {at.entry.lease}"
                yield Difference(
                    Code.RECEIPT_MISSING, message, at.entry.lease, position=at.position
                )
