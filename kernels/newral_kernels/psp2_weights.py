"""How much of a search for base-2 pseudoprimes the primes of a range are.

The *weight* of a prime p is 1/(p·step), where step is the least even multiple of the order of 2
modulo p: of an interval of n it leaves width·weight terms to test. Small orders make it irregular.
"""

from __future__ import annotations

import math
from typing import Final

GRID_FIRST: Final = 6
GRID_LAST: Final = 4 * 33

# Of the intervals [2^(k/4), 2^((k+1)/4)), from k = 6 on: printed by scripts/make_psp2_weights.py.
_WEIGHTS: Final = (
    0.1667,
    0,
    0,
    0.05,
    0,
    0.02381,
    0,
    0.009091,
    0.00641,
    0,
    0.01028,
    0,
    0.001976,
    0.004457,
    0.0007508,
    0.002881,
    0.0008254,
    0.0005655,
    0.001188,
    0.0008199,
    0.0004971,
    0.001133,
    0.0004843,
    0.0002921,
    0.0001554,
    0.0004817,
    0.0004246,
    0.0003007,
    0.0001282,
    0.0001651,
    0.0001109,
    0.0001863,
    5.422e-05,
    8.098e-05,
    6.917e-05,
    4.954e-05,
    4.89e-05,
    4.334e-05,
    4.686e-05,
    3.972e-05,
    2.688e-05,
    1.925e-05,
    1.645e-05,
    1.867e-05,
    1.274e-05,
    1.307e-05,
    8.665e-06,
    7.214e-06,
    6.033e-06,
    5.486e-06,
    4.091e-06,
    4.003e-06,
    3.895e-06,
    2.982e-06,
    2.27e-06,
    2.232e-06,
    1.873e-06,
    1.712e-06,
    1.704e-06,
    1.442e-06,
    1.079e-06,
    1.132e-06,
    8.096e-07,
    9.013e-07,
    4.653e-07,
    4.202e-07,
    4.84e-07,
    3.317e-07,
    2.228e-07,
    2.284e-07,
    2.042e-07,
    1.648e-07,
    1.159e-07,
    9.352e-08,
    8.443e-08,
    6.756e-08,
    5.805e-08,
    4.567e-08,
    4.558e-08,
    4.537e-08,
    3.635e-08,
    2.6e-08,
    2.411e-08,
    1.907e-08,
    1.692e-08,
    1.6e-08,
    1.025e-08,
    9.112e-09,
    1.023e-08,
    7.802e-09,
    5.92e-09,
    6.028e-09,
    4.406e-09,
    3.544e-09,
    3.182e-09,
    2.569e-09,
    2.27e-09,
    1.704e-09,
    1.355e-09,
    1.276e-09,
    1.214e-09,
    9.209e-10,
    7.193e-10,
    7.672e-10,
    5.973e-10,
    4.329e-10,
    4.325e-10,
    3.173e-10,
    2.815e-10,
    2.276e-10,
    2.474e-10,
    1.82e-10,
    1.434e-10,
    9.861e-11,
    9.528e-11,
    8.545e-11,
    6.95e-11,
    7.083e-11,
    4.985e-11,
    4.695e-11,
    3.498e-11,
    3.366e-11,
    2.956e-11,
    2.169e-11,
    1.728e-11,
    1.645e-11,
)

# The sums of the intervals from each one on.
_BEYOND: Final = tuple(math.fsum(_WEIGHTS[i:]) for i in range(len(_WEIGHTS) + 1))


def grid_point(k: int) -> int:
    """⌈2^(k/4)⌉: at these p the weight is known exactly."""
    return math.ceil(2 ** (k / 4))


def weight(low: int, high: int) -> float:
    """The sum of the weights of the primes low <= p < high, for 3 <= low <= high <= 2^33.

    Within an interval of the table it is spread like 1/p².
    """
    return _weight_from(low) - _weight_from(high)


def primes(low: int, high: int) -> float:
    """About how many primes there are from low to high, by the prime number theorem."""
    return _primes_below(high) - _primes_below(low)


def _weight_from(p: int) -> float:
    """Of the primes from p to 2^33."""
    k = min(max(math.floor(4 * math.log2(p)), GRID_FIRST), GRID_LAST - 1)
    while k > GRID_FIRST and p < grid_point(k):
        k -= 1
    first, last = grid_point(k), grid_point(k + 1)
    share = (1 / p - 1 / last) / (1 / first - 1 / last)
    return _BEYOND[k + 1 - GRID_FIRST] + share * _WEIGHTS[k - GRID_FIRST]


def _primes_below(x: int) -> float:
    y = math.log(max(x, 3))
    return max(x, 3) / y * (1 + 1 / y + 2 / y**2)
