"""Each policy refuses what it is there for, says what would be right, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from newral_relay_bridge import policies
from newral_relay_bridge.policies import RATES, Buckets, Context, Rejection, examine
from newral_relay_bridge.rates import Rate
from newral_spec import limits
from newral_spec.event import Draft, Event, Tags, sign_draft, sign_event
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.nips import nip13

NOW = 1_800_000_000
COORDINATOR = SecretKey(b"\xc0" * 32).public_key
AUTHOR = SecretKey(b"\x11" * 32)
OTHER = "ab" * 32
OURS: Tags = (("p", COORDINATOR),)


def context(**changes: object) -> Context:
    base = Context(
        coordinator=COORDINATOR, now=NOW, complete_until=NOW, buckets=Buckets(RATES), work_bits=0
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def event(
    kind: int = Kind.JOB_REQUEST,
    tags: Tags = OURS,
    content: str = "carmichael 10^9",
    created_at: int = NOW,
) -> Event:
    return sign_event(AUTHOR, kind=kind, created_at=created_at, content=content, tags=tags)


def code_of(rejection: Rejection | None) -> str | None:
    return None if rejection is None else rejection.code


@pytest.mark.parametrize("kind", policies.TRAFFIC)
def test_every_kind_that_concerns_a_coordinator_is_admitted(kind: int) -> None:
    assert examine(event(kind, (*OURS, ("e", OTHER))), context()) is None


@pytest.mark.parametrize("kind", [0, 3, 3991, 6990, 7000, 25991, 31990, 65535])
def test_other_kinds_are_refused(kind: int) -> None:
    rejection = examine(event(kind), context())
    assert rejection is not None
    assert rejection.code == "kind"
    assert "5990" in rejection.reason


@pytest.mark.parametrize(
    ("kind", "tags", "code"),
    [
        (Kind.JOB_REQUEST, (), None),
        (Kind.JOB_REQUEST_ALTERNATIVE, (), None),
        (Kind.JOB_REQUEST, (("p",),), None),
        (Kind.JOB_REQUEST, (("p", OTHER),), "recipient"),
        (Kind.JOB_REQUEST, (("p", OTHER), ("p", COORDINATOR)), None),
        (Kind.NOTE, (), "recipient"),
        (Kind.GIFT_WRAP, (), "recipient"),
        (Kind.SEALED_RESULT, (("p", OTHER),), "recipient"),
        (Kind.WORK_REQUEST, (), "recipient"),
        (Kind.DELETION, (("p", COORDINATOR),), "missing_e"),
        (Kind.DELETION, (("e", OTHER), ("p", COORDINATOR)), None),
        (Kind.DELETION, (("e", OTHER), ("k", "5990")), None),
        (Kind.DELETION, (("e", OTHER), ("k", "5990"), ("p", OTHER)), "recipient"),
        (Kind.DELETION, (("e", OTHER), ("k", "1")), "recipient"),
        (Kind.DELETION, (("e", OTHER),), "recipient"),
    ],
)
def test_events_are_for_us_or_jobs_for_anyone(kind: int, tags: Tags, code: str | None) -> None:
    assert code_of(examine(event(kind, tags), context())) == code


@pytest.mark.parametrize(
    ("kind", "size", "code"),
    [
        (Kind.NOTE, 16 * 1024, None),
        (Kind.NOTE, 16 * 1024 + 1, "size"),
        (Kind.JOB_REQUEST, limits.CONTENT_BYTES_MAX, None),
        (Kind.JOB_REQUEST, limits.CONTENT_BYTES_MAX + 1, "size"),
    ],
)
def test_content_is_bounded_in_bytes(kind: int, size: int, code: str | None) -> None:
    assert code_of(examine(event(kind, content="x" * size), context())) == code
    assert code_of(examine(event(kind, content="é" * (size // 2 + size % 2)), context())) == code


SKEW = limits.CLOCK_SKEW_S


@pytest.mark.parametrize(
    ("kind", "age", "code"),
    [
        (Kind.JOB_REQUEST, -SKEW, None),
        (Kind.JOB_REQUEST, -SKEW - 1, "future"),
        (Kind.JOB_REQUEST, SKEW, None),
        (Kind.JOB_REQUEST, SKEW + 1, "stale"),
        (Kind.GIFT_WRAP, 2 * 86_400 + SKEW, None),
        (Kind.GIFT_WRAP, 2 * 86_400 + SKEW + 1, "stale"),
        (Kind.GIFT_WRAP, -SKEW - 1, "future"),
    ],
)
def test_clocks_may_differ_by_the_skew(kind: int, age: int, code: str | None) -> None:
    assert code_of(examine(event(kind, created_at=NOW - age), context())) == code


def test_what_came_while_we_were_away_is_not_stale() -> None:
    hours_old = event(created_at=NOW - 3 * 3600)
    assert examine(hours_old, context(complete_until=NOW - 4 * 3600)) is None
    assert code_of(examine(hours_old, context(complete_until=NOW - 2 * 3600))) == "stale"


def test_an_ephemeral_event_is_never_older_than_the_skew() -> None:
    away = context(complete_until=NOW - 4 * 3600)
    heartbeat = partial(event, Kind.WORK_REQUEST)
    assert examine(heartbeat(created_at=NOW - SKEW), away) is None
    assert code_of(examine(heartbeat(created_at=NOW - SKEW - 1), away)) == "stale"


def test_a_cursor_in_the_future_changes_nothing() -> None:
    assert examine(event(created_at=NOW - SKEW), context(complete_until=NOW + 9999)) is None


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (str(NOW + 1), None),
        (str(NOW), "expired"),
        ("0", "expired"),
        ("-1", "bad_expiration"),
        ("1e99", "bad_expiration"),
        ("", "bad_expiration"),
    ],
)
def test_expired_events_are_refused(value: str, code: str | None) -> None:
    assert code_of(examine(event(tags=(*OURS, ("expiration", value))), context())) == code


def test_an_event_that_may_start_a_job_costs_work() -> None:
    bits = 6
    draft = Draft(kind=Kind.JOB_REQUEST, tags=OURS, content="bpsw 2^64")
    mine = partial(nip13.mine, draft, public_key=AUTHOR.public_key, created_at=NOW)
    worked = sign_draft(AUTHOR, mine(target=bits, attempts_max=100_000), NOW)
    assert examine(worked, context(work_bits=bits)) is None
    assert code_of(examine(worked, context(work_bits=bits + 1))) == "pow"
    rejection = examine(event(), context(work_bits=bits))
    assert rejection is not None
    assert rejection.code == "pow"
    assert "6 leading zero bits" in rejection.reason


def test_luck_without_a_commitment_is_no_work() -> None:
    lucky = next(
        candidate
        for candidate in (event(content=str(number)) for number in range(1000))
        if nip13.difficulty(candidate.id) >= 2
    )
    assert code_of(examine(lucky, context(work_bits=2))) == "pow"


@pytest.mark.parametrize("kind", [Kind.SEALED_RESULT, Kind.WORK_REQUEST, Kind.DELETION])
def test_work_and_cancellations_cost_no_proof(kind: int) -> None:
    assert examine(event(kind, (*OURS, ("e", OTHER))), context(work_bits=40)) is None


def test_each_sort_of_traffic_has_a_rate_of_its_own() -> None:
    rates = replace(RATES, job=Rate(per_s=0.0, burst=1))
    shared = context(buckets=Buckets(rates))
    assert examine(event(), shared) is None
    assert code_of(examine(event(), shared)) == "rate"
    assert code_of(examine(event(Kind.DELETION, (*OURS, ("e", OTHER))), shared)) == "rate"
    assert examine(event(Kind.NOTE), shared) is None
    assert examine(event(Kind.SEALED_RESULT), shared) is None


def test_gift_wraps_of_different_keys_share_one_rate() -> None:
    shared = context(buckets=Buckets(replace(RATES, wrapped=Rate(per_s=0.0, burst=2))))
    codes = [
        code_of(
            examine(
                sign_event(
                    SecretKey(bytes([number]) * 32),
                    kind=Kind.GIFT_WRAP,
                    created_at=NOW,
                    tags=OURS,
                ),
                shared,
            )
        )
        for number in range(1, 5)
    ]
    assert codes == [None, None, "rate", "rate"]


def test_what_is_refused_for_another_reason_costs_no_token() -> None:
    shared = context(buckets=Buckets(replace(RATES, job=Rate(per_s=0.0, burst=1))))
    assert code_of(examine(event(created_at=NOW - 9999), shared)) == "stale"
    assert examine(event(), shared) is None
