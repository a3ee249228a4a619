"""Orders of 2 modulo primes, against their definition."""

from __future__ import annotations

import math

import pytest

from newral_kernels.orders import ORDER_PRIME_MAX, SEGMENT_WIDTH, primes_with_orders
from newral_kernels.primality import is_prime_below_2_64
from newral_kernels.sieve import primes_below, primes_between

SMALL = [int(q) for q in primes_below(2**17)]


def prime_factors(n: int) -> set[int]:
    found = set()
    for q in SMALL:
        if q * q > n:
            break
        while n % q == 0:
            found.add(q)
            n //= q
    return found | ({n} if n > 1 else set())


def is_order(order: int, p: int) -> bool:
    return pow(2, order, p) == 1 and all(pow(2, order // q, p) != 1 for q in prime_factors(order))


def test_orders_of_the_first_primes() -> None:
    primes, orders = primes_with_orders(0, 32)
    assert primes.tolist() == [3, 5, 7, 11, 13, 17, 19, 23, 29, 31]
    assert orders.tolist() == [2, 4, 3, 10, 12, 8, 18, 11, 28, 5]


@pytest.mark.parametrize(
    "low", [3, 65_000, SEGMENT_WIDTH - 500, 2**31, 2**32 - 500, ORDER_PRIME_MAX - 1000]
)
def test_every_prime_of_a_range_is_there_with_its_order(low: int) -> None:
    high = low + 1000
    primes, orders = primes_with_orders(low, high)
    assert primes.tolist() == list(primes_between(low, high))
    assert all(map(is_order, orders.tolist(), primes.tolist()))


def test_segments_join_without_a_seam() -> None:
    primes, orders = primes_with_orders(3, 3 * SEGMENT_WIDTH)
    assert primes.tolist() == list(primes_between(3, 3 * SEGMENT_WIDTH))
    found = dict(zip(primes.tolist(), orders.tolist(), strict=True))
    # What divides 2^k - 1 for some k < 30, and nothing else, has an order below 30.
    products = math.prod(2**k - 1 for k in range(1, 30))
    assert {p for p in found if products % p == 0} == {p for p in found if found[p] < 30}


@pytest.mark.parametrize(("low", "high"), [(100, 100), (100, 3), (24, 29), (-5, 3)])
def test_a_range_without_primes_is_empty(low: int, high: int) -> None:
    primes, orders = primes_with_orders(low, high)
    assert len(primes) == len(orders) == 0


def test_primes_of_small_order_are_found_where_they_are() -> None:
    # 2^47 - 1 = 2351 · 4513 · 13264529, 2^64 - 1 has the Fermat prime 6700417.
    for p, order in ((13_264_529, 47), (6_700_417, 64), (2**31 - 1, 31)):
        primes, orders = primes_with_orders(p, p + 1)
        assert (primes.tolist(), orders.tolist()) == ([p], [order])


def test_beyond_the_limit_there_is_an_error_that_names_it() -> None:
    assert is_prime_below_2_64(ORDER_PRIME_MAX - 41)
    with pytest.raises(ValueError, match=r"2\^34"):
        primes_with_orders(3, ORDER_PRIME_MAX + 1)
