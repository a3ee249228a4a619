"""Trial division on the GPU: what the tests after it need not see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from newral_kernels.cuda.arithmetic import Arithmetic, Number
from newral_kernels.cuda.target import Flag, device
from newral_kernels.sieve import primes_below

PRIMES_BELOW: Final = 128

_PRIMES: Final = [int(p) for p in primes_below(PRIMES_BELOW) if p > 2]
_COUNT: Final = len(_PRIMES)
_DIVISORS: Final = np.array(_PRIMES, dtype=np.uint64)
_INVERSES: Final = np.array([pow(p, -1, 2**64) for p in _PRIMES], dtype=np.uint64)


def has_no_small_factor(arithmetic: Arithmetic) -> Callable[[Number], Flag]:
    """The test whether none of the odd primes below `PRIMES_BELOW` divides n, itself included."""
    divisible: Any = arithmetic.divisible

    @device
    def test(n: Number) -> Flag:
        for i in range(_COUNT):  # noqa: SIM110 - device code has no generators
            if divisible(n, _DIVISORS[i], _INVERSES[i]):
                return False
        return True

    return test
