"""The audit: a pure function from what was obtained to what is wrong with it."""

from __future__ import annotations

from newral_ledger.audit.balances import check_balances
from newral_ledger.audit.checkpoints import check_checkpoints
from newral_ledger.audit.evidence import Evidence
from newral_ledger.audit.history import History, read_history
from newral_ledger.audit.inputs import AuditInputs
from newral_ledger.audit.jobs import check_jobs
from newral_ledger.audit.leases import check_commitments, check_leases
from newral_ledger.audit.money import check_transfers, open_escrows, replay
from newral_ledger.audit.receipts import check_receipts
from newral_ledger.audit.report import AuditReport, Counts
from newral_ledger.audit.verdicts import check_agreement, check_completeness, check_verdicts


def audit(inputs: AuditInputs) -> AuditReport:
    """Verify every signature and recompute every root, reveal and balance.

    What the newest checkpoint covers cannot have been altered by one byte without a difference.
    Entries after it are held to the same rules, but nobody has signed them yet: a note says how
    many they are.
    """
    coordinator = inputs.coordinator
    evidence = Evidence(inputs.events)
    history, differences = read_history(inputs.entries, coordinator)
    coverage, found, notes = check_checkpoints(inputs, evidence)
    differences += found
    differences += check_jobs(history, evidence, coordinator)
    differences += check_leases(history)
    differences += check_commitments(history, evidence, coordinator)
    differences += check_verdicts(history, evidence, coordinator)
    differences += check_agreement(history)
    differences += check_completeness(history)
    differences += check_transfers(history)
    found, ahead = check_receipts(inputs, history, evidence, coverage)
    differences += found
    notes += ahead
    if inputs.claimed is not None:
        differences += check_balances(history, inputs.claimed)
    books = replay(history, len(history.entries))
    notes += open_escrows(history, books)
    return AuditReport(
        coordinator=coordinator,
        counts=_count(inputs, history, evidence),
        balances={account: books.balance(account).posted for account in sorted(books.balances)},
        differences=tuple(differences),
        notes=tuple(notes),
    )


def _count(inputs: AuditInputs, history: History, evidence: Evidence) -> Counts:
    return Counts(
        entries=len(inputs.entries),
        jobs=len(history.jobs),
        units=len(history.units),
        leases=len(history.leases),
        verdicts=sum(len(group) for group in history.verdicts.values()),
        transfers=len(history.transfers),
        checkpoints=len({event.id for event in inputs.checkpoints}),
        receipts=len({event.id for event in inputs.receipts}),
        events=evidence.events,
        signatures=evidence.signatures,
    )
