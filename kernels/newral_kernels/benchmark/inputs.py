"""The numbers that are tested: always the same ones."""

from __future__ import annotations

import random
from typing import Final

SEED: Final = 20261121

RANDOM_ODD: Final = "random odd"
PRIMES: Final = "primes"


def numbers(kind: str, bits: int, count: int) -> list[int]:
    """That many numbers of exactly `bits` bits: odd ones at random, or primes near such."""
    chosen = random.Random(f"{SEED} {kind} {bits}")  # noqa: S311 - repeatable, not secret
    low, high = 2 ** (bits - 1), 2**bits
    odd = (chosen.randrange(low + 1, high, 2) for _ in range(count))
    return list(odd) if kind == RANDOM_ODD else [_prime_near(n, low) for n in odd]


def _prime_near(n: int, low: int) -> int:
    """The next prime above n; that above `low`, when the next one is a bit longer."""
    import gmpy2  # type: ignore[import-untyped]

    prime = int(gmpy2.next_prime(n))
    return prime if prime.bit_length() == n.bit_length() else int(gmpy2.next_prime(low))
