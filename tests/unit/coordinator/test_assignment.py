"""Who gets which unit."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from newral_coordinator.assignment import Applicant, ReadyUnit, assign
from newral_coordinator.model import Unit
from newral_coordinator.states import UnitState


def ready(
    number: int, *, job: str = "j", price: int = 1, excluded: tuple[str, ...] = ()
) -> ReadyUnit:
    """A unit that may be lent."""
    unit = Unit(
        id=f"u{number}",
        job=job,
        stage="s",
        position=number,
        state=UnitState.READY,
        kernel="carmichael",
        version="1",
        spec_sha256="",
        cost_s=1.0,
        spec=b"{}",
    )
    return ReadyUnit(unit=unit, identity="id", memory_bytes=100, excluded=excluded, price=price)


def applicant(key: str, slots: int = 1, *, identity: str = "id", memory: int = 100) -> Applicant:
    """A provider that asked."""
    return Applicant(key=key, slots=slots, identities=frozenset({identity}), memory_bytes=memory)


@given(
    st.lists(st.integers(0, 4), max_size=5),
    st.lists(st.sets(st.integers(0, 4)), max_size=12),
    st.integers(0, 12),
    st.integers(),
)
def test_nobody_gets_too_much_nor_what_is_excluded(
    slots: list[int], exclusions: list[set[int]], escrow: int, seed: int
) -> None:
    applicants = [applicant(f"p{i}", count) for i, count in enumerate(slots)]
    units = [
        ready(i, excluded=tuple(f"p{j}" for j in excluded)) for i, excluded in enumerate(exclusions)
    ]
    pairs = assign(units, applicants, {"j": escrow}, Random(seed))
    assert len({item.unit.id for item, _ in pairs}) == len(pairs) <= escrow
    assert all(provider not in item.excluded for item, provider in pairs)
    for one in applicants:
        assert sum(provider == one.key for _, provider in pairs) <= one.slots


def test_units_go_to_those_who_can_run_them() -> None:
    stranger = applicant("stranger", 9, identity="other")
    small = applicant("small", 9, memory=99)
    assert assign([ready(1)], [stranger, small], {"j": 9}, Random(1)) == []
    pairs = assign([ready(1)], [stranger, small, applicant("fit")], {"j": 9}, Random(1))
    assert [provider for _, provider in pairs] == ["fit"]


def test_a_job_without_escrow_waits_and_others_do_not() -> None:
    units = [ready(1, job="poor", price=2), ready(2, job="rich", price=2)]
    pairs = assign(units, [applicant("p", 9)], {"poor": 1, "rich": 2}, Random(1))
    assert [item.unit.job for item, _ in pairs] == ["rich"]


def test_the_choice_is_the_coordinators_not_the_providers() -> None:
    applicants = [applicant(f"p{i}", 1000) for i in range(4)]
    pairs = assign([ready(i) for i in range(400)], applicants, {"j": 400}, Random(1))
    counts = [sum(provider == one.key for _, provider in pairs) for one in applicants]
    assert min(counts) > 60
    again = assign([ready(i) for i in range(400)], applicants, {"j": 400}, Random(1))
    assert [p for _, p in again] == [p for _, p in pairs]


def test_a_provider_that_let_a_unit_lapse_gets_it_only_if_nobody_else_can() -> None:
    units = [replace(ready(i), lapsed=frozenset({"p0"})) for i in range(20)]
    both = [applicant("p0", 20), applicant("p1", 10)]
    pairs = assign(units, both, {"j": 1000}, Random(1))
    assert [provider for _, provider in pairs] == ["p1"] * 10 + ["p0"] * 10
