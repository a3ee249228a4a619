"""The audit of a coordinator's trail by anybody: `audit(await fetch_trail(…))`."""

from newral_ledger.audit.auditor import audit
from newral_ledger.audit.inputs import AuditInputs, ClaimedBalances
from newral_ledger.audit.report import AuditReport, Code, Counts, Difference, Note, NoteCode

__all__ = [
    "AuditInputs",
    "AuditReport",
    "ClaimedBalances",
    "Code",
    "Counts",
    "Difference",
    "Note",
    "NoteCode",
    "audit",
]
