"""Print the table of `newral_kernels.psp2_weights`: some minutes of one core.

For each interval [2^(k/4), 2^((k+1)/4)) the sum of 1/(p·step) over its odd primes p, where step is
the least even multiple of the order of 2 modulo p.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from newral_kernels.orders import primes_with_orders

GRID_FIRST, GRID_LAST = 6, 4 * 33
CHUNK = 2**24


def weight(low: int, high: int) -> float:
    total = 0.0
    for start in range(low, high, CHUNK):
        primes, orders = primes_with_orders(start, min(start + CHUNK, high))
        steps = orders << (orders & np.uint64(1))
        total += math.fsum(1 / (primes.astype(np.float64) * steps))
    return total


def main() -> None:
    grid = [math.ceil(2 ** (k / 4)) for k in range(GRID_FIRST, GRID_LAST + 1)]
    for low, high in itertools.pairwise(grid):
        print(f"    {weight(low, high):.4g},", flush=True)


if __name__ == "__main__":
    main()
