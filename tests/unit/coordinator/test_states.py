"""The transition tables: complete, closed, and the only way from state to state."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from newral_coordinator.states import InvalidTransition, advance, job, lease, stage, unit
from newral_coordinator.states.transition import mermaid

TABLES: Mapping[str, Mapping[Any, frozenset[Any]]] = {
    "job": job.TRANSITIONS,
    "stage": stage.TRANSITIONS,
    "unit": unit.TRANSITIONS,
    "lease": lease.TRANSITIONS,
}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_has_a_row(name: str) -> None:
    table = TABLES[name]
    states: type[StrEnum] = type(next(iter(table)))
    assert set(table) == set(states)
    assert set().union(*table.values()) <= set(states)


@pytest.mark.parametrize("name", TABLES)
def test_every_state_can_be_reached_from_the_first(name: str) -> None:
    table = TABLES[name]
    reached = {next(iter(table))}
    while more := set().union(*(table[state] for state in reached)) - reached:
        reached |= more
    assert reached == set(table)


def test_a_transition_outside_the_table_tells_its_story() -> None:
    with pytest.raises(InvalidTransition, match=r"unit 7: accepted -> ready .*\(a late result\)"):
        advance(
            unit.TRANSITIONS,
            "unit 7",
            unit.UnitState.ACCEPTED,
            unit.UnitState.READY,
            "a late result",
        )


def test_an_accepted_unit_stays_accepted() -> None:
    assert unit.TRANSITIONS[unit.UnitState.ACCEPTED] == frozenset()


def test_the_diagram_has_every_transition() -> None:
    lines = mermaid(lease.TRANSITIONS).splitlines()
    arrows = sum(len(finishes) for finishes in lease.TRANSITIONS.values())
    ends = sum(not finishes for finishes in lease.TRANSITIONS.values())
    assert len(lines) == 2 + arrows + ends
    assert "    offered --> started" in lines
