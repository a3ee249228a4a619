"""Whether silence tells anything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newral_coordinator.hearing import DEAF_S, Hearing


@given(st.lists(st.integers(min_value=0, max_value=3 * DEAF_S), min_size=1, max_size=20))
def test_what_is_known_is_known_without_a_gap(gaps: list[int]) -> None:
    now = 1000
    hearing = Hearing()
    hearing.begin(now)
    unbroken = now
    for gap in gaps:
        now += gap
        assert hearing.since(now) == (now if gap > DEAF_S else unbroken)
        if gap > DEAF_S:
            unbroken = now
        hearing.heard(now)
        assert hearing.since(now) == unbroken
