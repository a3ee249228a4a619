"""The table of weights against the orders that it was made of."""

from __future__ import annotations

import math

import numpy as np
import pytest

from newral_kernels.orders import primes_with_orders
from newral_kernels.psp2_weights import GRID_FIRST, grid_point, primes, weight


def by_definition(low: int, high: int) -> float:
    found, orders = primes_with_orders(low, high)
    steps = orders << (orders & np.uint64(1))
    return math.fsum(1 / (found.astype(np.float64) * steps))


@pytest.mark.parametrize("k", range(GRID_FIRST, 4 * 17))
def test_the_table_is_what_the_orders_give(k: int) -> None:
    low, high = grid_point(k), grid_point(k + 1)
    assert weight(low, high) == pytest.approx(by_definition(low, high), rel=1e-3, abs=1e-12)


def test_weights_add_up() -> None:
    assert weight(3, 5000) + weight(5000, 2**33) == pytest.approx(weight(3, 2**33))
    assert weight(2**33, 2**33) == 0


@pytest.mark.parametrize(("high", "count"), [(10**4, 1229), (10**6, 78498), (10**9, 50847534)])
def test_primes_are_counted_within_a_few_percent(high: int, count: int) -> None:
    assert primes(3, high) == pytest.approx(count, rel=0.03)
