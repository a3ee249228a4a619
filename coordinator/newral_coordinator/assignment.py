"""Who gets which unit: a pure function over what is ready and who has asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

from newral_coordinator.model import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyUnit:
    """A unit that may be lent, and the providers that must not have it (again)."""

    unit: Unit
    identity: str
    memory_bytes: int
    excluded: Collection[str]
    price: int
    lapsed: Collection[str] = ()
    """Providers who have let a lease of it lapse: they get it only if nobody else can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """A provider that asked for work. `identities` are the kernels it can run."""

    key: str
    slots: int
    identities: Collection[str]
    memory_bytes: int


def assign(
    ready: Sequence[ReadyUnit],
    applicants: Sequence[Applicant],
    escrow: dict[str, int],
    rng: Random,
) -> list[tuple[ReadyUnit, str]]:
    """Pairs of a unit and a provider; each unit at most once.

    Units are served in the order given, each to a random eligible provider: who may compute what
    must not be a provider's choice. `escrow` says what each job can still reserve.
    """
    free = {applicant.key: applicant.slots for applicant in applicants}
    left = dict(escrow)
    pairs: list[tuple[ReadyUnit, str]] = []
    for item in ready:
        if left.get(item.unit.job, 0) < item.price:
            continue
        eligible = [
            applicant.key
            for applicant in applicants
            if free[applicant.key] > 0
            and applicant.key not in item.excluded
            and item.identity in applicant.identities
            and applicant.memory_bytes >= item.memory_bytes
        ]
        if not eligible:
            continue
        chosen = rng.choice([key for key in eligible if key not in item.lapsed] or eligible)
        free[chosen] -= 1
        left[item.unit.job] -= item.price
        pairs.append((item, chosen))
    return pairs
