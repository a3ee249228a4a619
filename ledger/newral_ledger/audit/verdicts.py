"""Verdicts: each opens a commitment, pays what was promised, and units are accepted for a reason.

An auditor does not run kernels. It holds the coordinator to its own rules: a result is accepted
when as many different providers as the policy's quorum committed to it before any could see it,
or when its reason begins with `proved`, which anybody who has the result can check again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from newral_ledger.audit.evidence import Evidence, Unproven
from newral_ledger.audit.history import At, History, first_before
from newral_ledger.audit.leases import find_commitment
from newral_ledger.audit.report import Code, Difference
from newral_spec import trail
from newral_spec.messages import commit

PAID_OUTCOMES: Final = ("accepted", "owed")

PROOF_PREFIX: Final = "proved"
"""How the reason of a verdict begins that needs no second opinion."""


def check_verdicts(history: History, evidence: Evidence, coordinator: str) -> Iterator[Difference]:
    """Every verdict on its own."""
    for group in history.verdicts.values():
        for at in group[1:]:
            yield _difference(Code.VERDICT_REPEATED, at, "the lease has a verdict already")
        for at in group:
            yield from _check_lease(history, at)
            yield from _check_reveal(history, evidence, coordinator, at)
            yield from _check_time(history, at)


def _difference(code: Code, at: At[trail.VerdictGiven], message: str) -> Difference:
    lease = at.entry.lease
    return Difference(code, f"verdict on lease {lease}: {message}", lease, position=at.position)


def _check_lease(history: History, at: At[trail.VerdictGiven]) -> Iterator[Difference]:
    verdict = at.entry
    granted = first_before(history.leases.get(verdict.lease), at.position)
    if granted is None:
        yield _difference(Code.VERDICT_WITHOUT_LEASE, at, "there is no such lease")
        return
    lease = granted.entry
    if (verdict.unit, verdict.job, verdict.provider) != (lease.unit, lease.job, lease.provider):
        message = "unit, job or provider is not the lease's"
        yield _difference(Code.VERDICT_WITHOUT_LEASE, at, message)
    most = lease.price if verdict.outcome in PAID_OUTCOMES else 0
    if verdict.credits > most:
        message = f"{verdict.outcome}, and {verdict.credits} credits where at most {most} are due"
        yield _difference(Code.CREDITS_WRONG, at, message)


def _check_reveal(
    history: History, evidence: Evidence, coordinator: str, at: At[trail.VerdictGiven]
) -> Iterator[Difference]:
    verdict = at.entry
    committed = first_before(history.commitments.get(verdict.lease), at.position)
    if committed is None:
        yield _difference(Code.VERDICT_WITHOUT_COMMITMENT, at, "nothing was committed to before")
        return
    unit = verdict.unit
    try:
        signed = find_commitment(committed.entry, evidence, coordinator)
    except Unproven:
        pass  # Reported with the commitment itself.
    else:
        lease = history.leases.get(verdict.lease)
        if verdict.outcome == "refused":
            unit = signed.unit
        elif lease and (signed.unit, signed.fence) != (unit, lease[0].entry.fence):
            message = "the provider committed to another unit or fence"
            yield _difference(Code.VERDICT_WITHOUT_COMMITMENT, at, message)
    opened = commit(verdict.provider, unit, verdict.nonce, verdict.result_sha256)
    if opened != committed.entry.commitment:
        message = "nonce and result do not open the commitment"
        yield _difference(Code.REVEAL_WRONG, at, message)


def _check_time(history: History, at: At[trail.VerdictGiven]) -> Iterator[Difference]:
    """What a job's answer is made of came before its end; what is owed was committed to before."""
    end = history.end_of(at.entry.job)
    if end is None or at.entry.outcome not in PAID_OUTCOMES:
        return
    committed = history.commitments.get(at.entry.lease)
    if at.entry.outcome == "accepted" and at.position > end:
        yield _difference(Code.VERDICT_AFTER_END, at, "accepted after the job's end")
    elif committed and committed[0].position > end:
        yield _difference(Code.VERDICT_AFTER_END, at, "committed to after the job's end, and paid")


def check_completeness(history: History) -> Iterator[Difference]:
    """No result that was committed to before its job's end is left without a verdict."""
    for lease, group in history.commitments.items():
        granted = first_before(history.leases.get(lease), group[0].position)
        if granted is None or lease in history.verdicts:
            continue
        end = history.end_of(granted.entry.job)
        if end is not None and group[0].position < end:
            message = f"lease {lease} was committed to, its job has ended, and it has no verdict"
            yield Difference(Code.VERDICT_MISSING, message, lease, position=group[0].position)


def check_agreement(history: History) -> Iterator[Difference]:
    """One result is accepted for each unit, by the quorum or with a proof."""
    accepted: dict[str, list[At[trail.VerdictGiven]]] = defaultdict(list)
    for group in history.verdicts.values():
        for at in group:
            if at.entry.outcome == "accepted":
                accepted[at.entry.unit].append(at)
    for unit, verdicts in accepted.items():
        verdicts.sort(key=lambda at: at.position)
        yield from _check_unit(history, unit, verdicts)


def _check_unit(
    history: History, unit: str, verdicts: list[At[trail.VerdictGiven]]
) -> Iterator[Difference]:
    position = verdicts[0].position
    results = {at.entry.result_sha256 for at in verdicts}
    if len(results) > 1:
        message = f"{len(results)} different results of unit {unit} are accepted"
        yield Difference(Code.RESULTS_DISAGREE, message, unit, position=position)
    if any(at.entry.reason.startswith(PROOF_PREFIX) for at in verdicts):
        return
    policy = history.policy_at(position)
    providers = {at.entry.provider for at in verdicts}
    if policy is not None and len(providers) < policy.quorum:
        message = (
            f"unit {unit} is accepted on the word of {len(providers)} providers,"
            f" and the policy asks for {policy.quorum}"
        )
        yield Difference(Code.QUORUM_NOT_REACHED, message, unit, position=position)
