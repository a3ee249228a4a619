"""Token buckets grant a burst and a rate, key by key, in bounded memory."""

from __future__ import annotations

from newral_relay_bridge.rates import Rate, TokenBuckets

RATE = Rate(per_s=0.5, burst=3)


def test_a_burst_is_granted_and_then_the_rate() -> None:
    buckets = TokenBuckets(RATE)
    assert [buckets.take("a", 100.0) for _ in range(4)] == [True, True, True, False]
    assert not buckets.take("a", 101.9)
    assert buckets.take("a", 102.0)
    assert not buckets.take("a", 102.0)


def test_a_key_does_not_pay_for_another() -> None:
    buckets = TokenBuckets(RATE)
    while buckets.take("a", 100.0):
        pass
    assert buckets.take("b", 100.0)


def test_a_long_silence_saves_up_no_more_than_a_burst() -> None:
    buckets = TokenBuckets(RATE)
    buckets.take("a", 0.0)
    assert [buckets.take("a", 10_000.0) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_is_set_back_grants_nothing() -> None:
    buckets = TokenBuckets(RATE)
    while buckets.take("a", 1000.0):
        pass
    assert not buckets.take("a", 10.0)
    assert not buckets.take("a", 1000.0)


def test_the_key_that_was_silent_for_longest_is_forgotten() -> None:
    buckets = TokenBuckets(Rate(per_s=0.0, burst=1), keys_max=2)
    assert buckets.take("a", 0.0)
    assert buckets.take("b", 0.0)
    assert not buckets.take("a", 0.0)
    assert buckets.take("c", 0.0)
    assert len(buckets) == 2
    assert not buckets.take("a", 0.0)
    assert buckets.take("b", 0.0)
