"""The bridge's filters let through what its policies would admit."""

from __future__ import annotations

import pytest

from newral_relay_bridge.subscriptions import LOOKBACK_S_MAX, coordinator_filters
from newral_spec import limits
from newral_spec.event import Event, Tags, sign_event
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind

NOW = 1_800_000_000
AWAY_SINCE = NOW - 7200
COORDINATOR = SecretKey(b"\xc0" * 32).public_key
OURS: Tags = (("p", COORDINATOR),)


def is_asked_for(event: Event, complete_until: float = AWAY_SINCE) -> bool:
    filters = coordinator_filters(COORDINATOR, complete_until=complete_until, now=NOW)
    # A limit of 0 asks for nothing that is stored.
    stored = [wanted for group in filters.values() for wanted in group if wanted.limit != 0]
    return any(wanted.matches(event) for wanted in stored)


def event(kind: int, created_at: float = NOW, tags: Tags = OURS) -> Event:
    return sign_event(
        SecretKey(b"\x11" * 32), kind=kind, created_at=int(created_at), content="", tags=tags
    )


@pytest.mark.parametrize(
    ("asked", "is_wanted"),
    [
        (event(Kind.JOB_REQUEST, AWAY_SINCE - 2 * limits.CLOCK_SKEW_S), True),
        (event(Kind.JOB_REQUEST, AWAY_SINCE - 2 * limits.CLOCK_SKEW_S - 1), False),
        (event(Kind.SEALED_RESULT, AWAY_SINCE - limits.CLOCK_SKEW_S), True),
        (event(Kind.WORK_REQUEST), True),
        (event(Kind.NOTE), True),
        (event(Kind.ENCRYPTED_DIRECT_MESSAGE), True),
        (event(Kind.GIFT_WRAP, AWAY_SINCE - 3 * 86_400), True),
        (event(Kind.GIFT_WRAP, AWAY_SINCE - 3 * 86_400 - 1), False),
        (event(Kind.DELETION), True),
        (event(Kind.DELETION, tags=(("e", "ab" * 32), ("k", "5999"))), True),
        (event(Kind.DELETION, tags=(("e", "ab" * 32), ("k", "1"))), False),
        (event(Kind.JOB_REQUEST, tags=()), True),
        (event(Kind.JOB_REQUEST, AWAY_SINCE, tags=()), False),
        (event(Kind.NOTE, tags=()), False),
        (event(Kind.FEEDBACK), False),
    ],
)
def test_what_concerns_us_is_asked_for(asked: Event, is_wanted: bool) -> None:
    assert is_asked_for(asked) is is_wanted


def test_a_year_away_does_not_ask_for_a_year() -> None:
    week_ago = NOW - LOOKBACK_S_MAX
    assert is_asked_for(event(Kind.JOB_REQUEST, week_ago), complete_until=0)
    assert not is_asked_for(event(Kind.JOB_REQUEST, week_ago - 86_400), complete_until=0)


def test_a_clock_that_was_set_back_asks_for_the_present() -> None:
    assert is_asked_for(event(Kind.JOB_REQUEST), complete_until=NOW + 86_400)
