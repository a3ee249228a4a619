"""The table of a lease's states."""

from __future__ import annotations

import pytest
from newral_testing.node_script import lease

from newral_node.leases import Held
from newral_node.states import FINAL, PENDING, SENDABLE, TRANSITIONS, InvalidTransition, LeaseState


def test_every_state_is_in_the_table_and_can_be_reached() -> None:
    assert set(TRANSITIONS) == set(LeaseState)
    followers = {state for following in TRANSITIONS.values() for state in following}
    assert set(LeaseState) - followers == {LeaseState.FETCHING}


def test_a_finished_result_is_never_dropped() -> None:
    for state in SENDABLE:
        assert LeaseState.DROPPED not in TRANSITIONS[state]


def test_every_state_leads_to_an_end() -> None:
    ending = set(FINAL)
    while True:
        more = {state for state, following in TRANSITIONS.items() if ending & set(following)}
        if more <= ending:
            break
        ending |= more
    assert ending == set(LeaseState)
    assert not PENDING & FINAL


def test_an_invalid_transition_tells_the_story() -> None:
    held = Held(lease=lease(1), state=LeaseState.QUEUED)
    held.move(LeaseState.STARTED)
    held.move(LeaseState.COMPUTED)
    with pytest.raises(InvalidTransition, match="queued → started → computed") as caught:
        held.move(LeaseState.QUEUED)
    assert caught.value.finish is LeaseState.QUEUED
    assert held.state is LeaseState.COMPUTED
