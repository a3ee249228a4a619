"""Invariants of the bridge's pure parts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newral_relay_bridge.policies import RATES, TRAFFIC, Buckets, Context, examine
from newral_relay_bridge.progress import Progress
from newral_relay_bridge.rates import Rate, TokenBuckets
from newral_relay_bridge.subscriptions import coordinator_filters
from newral_spec import limits
from newral_spec.event import Event

NOW = 1_800_000_000
COORDINATOR = "c0" * 32

tags = st.lists(
    st.tuples(
        st.sampled_from(["p", "e", "k", "expiration", "nonce", "encrypted"]),
        st.sampled_from([COORDINATOR, "ab" * 32, "5990", str(NOW + 5), str(NOW - 5), "", "x"]),
        st.sampled_from(["0", "8", "99"]),
    ),
    max_size=5,
).map(tuple)
events = st.builds(
    Event,
    id=st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}"),
    pubkey=st.sampled_from(["11" * 32, "22" * 32]),
    created_at=st.integers(NOW - 3 * 86_400, NOW + 3600),
    kind=st.sampled_from([*map(int, TRAFFIC), 7000]),
    tags=tags,
    content=st.sampled_from(["", "bpsw 2^64", "x" * 20_000]),
    sig=st.just("00" * 64),
)


@given(event=events, work_bits=st.integers(0, 16), away_s=st.integers(0, 86_400))
def test_policies_answer_every_event_and_repeat_themselves(
    event: Event, work_bits: int, away_s: int
) -> None:
    context = Context(
        coordinator=COORDINATOR,
        now=NOW,
        complete_until=NOW - away_s,
        buckets=Buckets(RATES),
        work_bits=work_bits,
    )
    rejection = examine(event, context)
    assert examine(event, context) == rejection
    assert rejection is None or (rejection.code and rejection.reason)


@given(event=events, away_s=st.integers(0, 86_400))
def test_what_would_be_admitted_is_asked_for(event: Event, away_s: int) -> None:
    context = Context(
        coordinator=COORDINATOR, now=NOW, complete_until=NOW - away_s, buckets=Buckets(RATES)
    )
    is_open = not event.values("p")
    is_old = event.created_at < NOW - limits.CLOCK_SKEW_S
    filters = coordinator_filters(COORDINATOR, complete_until=NOW - away_s, now=NOW)
    stored = [wanted for group in filters.values() for wanted in group if wanted.limit != 0]
    is_asked_for = any(wanted.matches(event) for wanted in stored)
    if examine(event, context) is None and not (is_open and is_old):
        assert is_asked_for


@given(
    rate=st.builds(Rate, per_s=st.floats(0, 10), burst=st.integers(1, 20)),
    steps=st.lists(st.tuples(st.sampled_from("ab"), st.floats(-5, 20)), max_size=200),
)
def test_no_key_gets_more_than_its_burst_and_rate(
    rate: Rate, steps: list[tuple[str, float]]
) -> None:
    buckets = TokenBuckets(rate)
    now = earliest = latest = 1000.0
    granted = {"a": 0, "b": 0}
    for key, step in steps:
        now += step
        earliest, latest = min(earliest, now), max(latest, now)
        granted[key] += buckets.take(key, now)
        assert granted[key] <= rate.burst + rate.per_s * (latest - earliest) + 1e-6


@given(keys=st.lists(st.integers(0, 50), max_size=300))
def test_buckets_are_bounded(keys: list[int]) -> None:
    buckets = TokenBuckets(Rate(per_s=1.0, burst=1), keys_max=10)
    for key in keys:
        buckets.take(str(key), 0.0)
        assert len(buckets) <= 10


@given(gaps=st.lists(st.integers(1, 4), min_size=1, max_size=40), data=st.data())
def test_the_offset_passes_nothing_unfinished(gaps: list[int], data: st.DataObject) -> None:
    progress, offsets = Progress(-1), list[int]()
    for gap in gaps:
        offsets.append((offsets[-1] if offsets else -1) + gap)
        progress.begin(offsets[-1])
    unfinished = set(offsets)
    previous = progress.done
    for offset in data.draw(st.permutations(offsets)):
        progress.finish(offset)
        unfinished.remove(offset)
        assert progress.done >= previous
        assert all(progress.done < open_offset for open_offset in unfinished)
        previous = progress.done
    assert progress.done == offsets[-1]
    assert len(progress) == 0
