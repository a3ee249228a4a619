"""When a unit's result is believed: the one place that decides it, a pure function.

In this order (DESIGN section 6): a certificate that proves the result, then agreement of
independent providers. What a certificate cannot cover, that nothing was left out, is what the
agreement is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One provider's result that the kernel's check did not refute."""

    provider: str
    result_sha256: str
    proof: str | None = None
    """Why the result is proved sound and complete, where it is."""


@dataclass(frozen=True, slots=True)
class Accept:
    """The unit's result is the one with this hash; the reason goes into receipts."""

    result_sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class Replicate:
    """Another provider must compute the unit. `disputed`: those who did so far disagree."""

    reason: str
    disputed: bool


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No result can be believed at a reasonable price."""

    reason: str


Decision = Accept | Replicate | GiveUp


def judge(replicas: Sequence[Replica], *, quorum: int, replicas_max: int) -> Decision:
    """Decide on a unit from the replicas that stand, in the order in which they came.

    `quorum` providers that agree are enough, and one is when its result proves itself. No
    provider counts twice.
    """
    for replica in replicas:
        if replica.proof is not None:
            return Accept(replica.result_sha256, f"proved: {replica.proof}")
    voters: dict[str, set[str]] = {}
    for replica in replicas:
        voters.setdefault(replica.result_sha256, set()).add(replica.provider)
    if not voters:
        return Replicate("no result stands yet", disputed=False)
    leading = max(voters, key=lambda result: len(voters[result]))
    agreeing = len(voters[leading])
    if agreeing >= quorum:
        return Accept(leading, f"agreed: {agreeing} independent providers returned it")
    if len(replicas) >= replicas_max:
        return GiveUp(f"{len(replicas)} providers computed the unit and no {quorum} agree")
    if len(voters) > 1:
        return Replicate(f"{len(voters)} different results stand", disputed=True)
    return Replicate(f"{agreeing} of {quorum} providers have returned it", disputed=False)
