"""Probable-prime tests of many numbers on a GPU, under the names that they have on the CPU.

Contracts and sources as in `newral_kernels.primality`: False below 2, True for 2, False for other
even numbers. Every number is below 2^127; ValueError otherwise. `GpuUnavailableError` says what is
missing on a machine without a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from newral_kernels.cuda import gpu
from newral_kernels.cuda.columns import columns

if TYPE_CHECKING:
    from newral_kernels.batch import LucasVariant
    from newral_kernels.widths import Numbers

Chain: TypeAlias = tuple[Any, ...]

BASE_BELOW: Final = 2**64


def is_strong_probable_prime(ns: Numbers, base: int = 2) -> NDArray[np.bool_]:
    """The Miller-Rabin test. Raises ValueError when some odd n > 2 divides the base."""
    gpu.require()
    from newral_kernels.cuda import chains

    if not 2 <= base < BASE_BELOW:
        raise ValueError(f"base {base} is outside [2, 2^64)")
    words = columns(ns)
    for n in words[0][(words[1] == 0) & (words[0] <= base)].tolist():
        if n > 2 and n % 2 and base % n == 0:
            raise ValueError(f"base {base} is a multiple of {n} and tells nothing about it")
    return _decide(words, 3, lambda limbs: chains.strong_to(base, limbs))


def is_strong_lucas_probable_prime(ns: Numbers) -> NDArray[np.bool_]:
    """The strong Lucas test with Selfridge's parameters (method A)."""
    gpu.require()
    from newral_kernels.cuda import chains

    return _decide(columns(ns), 3, chains.strong_lucas)


def is_extra_strong_lucas_probable_prime(ns: Numbers) -> NDArray[np.bool_]:
    """The extra strong Lucas test: Q = 1, and the first P of 3, 4, 5, … (Grantham, 2001)."""
    gpu.require()
    from newral_kernels.cuda import chains

    return _decide(columns(ns), 3, chains.extra_strong_lucas)


def is_bpsw_probable_prime(
    ns: Numbers, lucas_variant: LucasVariant = "strong"
) -> NDArray[np.bool_]:
    """Strong to base 2, then a Lucas test; after a trial division.

    No composite that passes is known, and none is below 2^64.
    """
    gpu.require()
    from newral_kernels.cuda import chains
    from newral_kernels.cuda.trial_division import PRIMES_BELOW

    tests: dict[str, Callable[[int], Chain]] = {
        "strong": chains.strong_lucas,
        "extra strong": chains.extra_strong_lucas,
    }
    if lucas_variant not in tests:
        raise ValueError(f"there is no Lucas test {lucas_variant!r}; there are {', '.join(tests)}")
    return _decide(
        columns(ns),
        PRIMES_BELOW,
        lambda limbs: (
            chains.trial(limbs) + chains.strong_to(2, limbs) + tests[lucas_variant](limbs)
        ),
    )


def _decide(
    words: NDArray[np.uint64], odd_from: int, chain: Callable[[int], Chain]
) -> NDArray[np.bool_]:
    """Whether each is prime below `odd_from`; above, whether it is odd and passes the chain for
    its number of words."""
    from newral_kernels.cuda.stages import passing
    from newral_kernels.sieve import primes_below

    low, high = words
    small = (high == 0) & (low < odd_from)
    answers: NDArray[np.bool_] = small & np.isin(
        low, np.array(primes_below(odd_from), dtype=np.uint64)
    )
    odd = ~small & (low % 2 == 1)
    for limbs, chosen in ((1, odd & (high == 0)), (2, odd & (high != 0))):
        positions = np.flatnonzero(chosen)
        if positions.size:
            answers[positions[passing(chain(limbs), words[:limbs, positions])]] = True
    return answers
