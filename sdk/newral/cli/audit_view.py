"""An audit report for people."""

from __future__ import annotations

from newral.cli.console import print_line, printable
from newral_ledger.audit import AuditReport

SHOWN_MAX = 50
"""Differences that are shown; --json has all."""


def print_audit(report: AuditReport) -> None:
    """What was looked at, what differs, and the verdict last."""
    counts = report.counts
    print_line(
        f"Audit: {counts.entries:,} log entries, {counts.jobs:,} jobs, {counts.units:,} units,"
        f" {counts.verdicts:,} verdicts, {counts.transfers:,} transfers"
    )
    print_line(
        f"  {counts.signatures:,} signatures verified, {counts.checkpoints:,} checkpoints,"
        f" {len(report.balances):,} balances recomputed"
    )
    for note in report.notes:
        print_line(f"  note: {note.code}: {printable(note.message)}")
    for difference in report.differences[:SHOWN_MAX]:
        where = "" if difference.position is None else f" (entry {difference.position})"
        print_line(f"  DIFFERENCE {difference.code}{where}: {printable(difference.message)}")
    if len(report.differences) > SHOWN_MAX:
        print_line(f"  … and {len(report.differences) - SHOWN_MAX} more (--json has all)")
    print_line("  clean" if report.clean else f"  NOT CLEAN: {len(report.differences)} differences")
