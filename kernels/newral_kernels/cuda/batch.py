"""Probable-prime tests of many numbers on a GPU, under the names that they have on the CPU.

Contracts and sources as in `newral_kernels.primality`: False below 2, True for 2, False for other
even numbers. Every number is below 2^127; ValueError otherwise. `GpuUnavailableError` says what is
missing on a machine without a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from newral_kernels.cuda import gpu

Numbers: TypeAlias = Sequence[int] | NDArray[np.uint64]
Chain: TypeAlias = tuple[Any, ...]

WORD_BITS: Final = 64
BITS_MAX: Final = 127
"""Of a number: beyond, sums of two residues would not fit into two words."""

BASE_MAX: Final = 2**64 - 1


def is_strong_probable_prime(ns: Numbers, base: int = 2) -> NDArray[np.bool_]:
    """The Miller-Rabin test. Raises ValueError when some odd n > 2 divides the base."""
    gpu.require()
    from newral_kernels.cuda import chains

    if not 1 <= base <= BASE_MAX:
        raise ValueError(f"the base is {base}; on a GPU it is from 1 to 2^64 - 1")
    numbers = _Numbers(ns)
    for n in numbers.values:
        if 2 < n <= base and n % 2 and base % n == 0:
            raise ValueError(f"base {base} is a multiple of {n} and tells nothing about it")
    return numbers.decide(3, lambda limbs: chains.strong_to(base, limbs))


def is_strong_lucas_probable_prime(ns: Numbers) -> NDArray[np.bool_]:
    """The strong Lucas test with Selfridge's parameters (method A)."""
    gpu.require()
    from newral_kernels.cuda import chains

    return _Numbers(ns).decide(3, chains.strong_lucas)


def is_extra_strong_lucas_probable_prime(ns: Numbers) -> NDArray[np.bool_]:
    """The extra strong Lucas test: Q = 1, and the first P of 3, 4, 5, … (Grantham, 2001)."""
    gpu.require()
    from newral_kernels.cuda import chains

    return _Numbers(ns).decide(3, chains.extra_strong_lucas)


def is_bpsw_probable_prime(
    ns: Numbers, lucas: Literal["strong", "extra strong"] = "strong"
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
    if lucas not in tests:
        raise ValueError(f"there is no Lucas test {lucas!r}; there are {', '.join(tests)}")
    numbers = _Numbers(ns)
    return numbers.decide(
        PRIMES_BELOW,
        lambda limbs: chains.trial(limbs) + chains.strong_to(2, limbs) + tests[lucas](limbs),
    )


class _Numbers:
    """What was given, as Python's integers."""

    def __init__(self, ns: Numbers) -> None:
        self.values = [int(n) for n in ns]
        for n in self.values:
            if not 0 <= n < 2**BITS_MAX:
                raise ValueError(f"{n} is not from 0 to 2^{BITS_MAX} - 1, as it must be on a GPU")

    def decide(self, odd_from: int, chain: Callable[[int], Chain]) -> NDArray[np.bool_]:
        """Whether each is prime below `odd_from`, passes the whole chain above, and is odd or 2."""
        from newral_kernels.cuda.stages import passing
        from newral_kernels.sieve import primes_below

        answers = np.zeros(len(self.values), dtype=np.bool_)
        small = frozenset(primes_below(odd_from))
        positions: dict[int, list[int]] = {1: [], 2: []}
        for position, n in enumerate(self.values):
            if n < odd_from:
                answers[position] = n in small
            elif n % 2:
                positions[1 if n < 2**WORD_BITS else 2].append(position)
        for limbs, chosen in positions.items():
            if chosen:
                columns = _columns([self.values[position] for position in chosen], limbs)
                answers[np.array(chosen)[passing(chain(limbs), columns)]] = True
        return answers


def _columns(values: list[int], limbs: int) -> NDArray[np.uint64]:
    """One column for each number, the low word in the first row."""
    text = b"".join(n.to_bytes(8 * limbs, "little") for n in values)
    return np.ascontiguousarray(np.frombuffer(text, dtype="<u8").reshape(-1, limbs).T)
