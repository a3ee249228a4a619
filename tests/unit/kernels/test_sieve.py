"""Small primes."""

from __future__ import annotations

import pytest

from newral_kernels.sieve import odd_flags, primes_below, primes_between

PRIMES_BELOW_10_6 = 78498  # π(10^6)
PRIMES_FROM_10_12 = 36249  # π(10^12 + 10^6) − π(10^12)


def test_counts_agree_with_published_ones() -> None:
    assert len(primes_below(10**6)) == PRIMES_BELOW_10_6
    assert len(primes_between(10**12, 10**12 + 10**6)) == PRIMES_FROM_10_12


@pytest.mark.parametrize("stop", range(60))
def test_every_short_range_agrees_with_trial_division(stop: int) -> None:
    primes = [n for n in range(2, 60) if all(n % d for d in range(2, n))]
    for start in range(60):
        assert list(primes_between(start, stop)) == [p for p in primes if start <= p < stop]


def test_flags_keep_what_no_small_prime_divides() -> None:
    flags = odd_flags(101, 200, [2, 3, 5])
    kept = [101 + 2 * index for index, flag in enumerate(flags) if flag]
    assert kept == [n for n in range(101, 200, 2) if n % 3 and n % 5]
