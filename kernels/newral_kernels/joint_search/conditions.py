"""What n has to fulfil to pass both tests, apart from how it is searched.

The Fermat test to base 2 asks 2^(n−1) ≡ 1 (mod n); the Lucas test with P = 1, Q = (1 − D)/4 asks
U_(n−e) ≡ 0 (mod n), for odd n with (D/n) = e. Of every prime factor p of n the first asks n ≡ 1
modulo the order of 2, the second n ≡ e modulo the rank of p (R. Baillie and S. S. Wagstaff, *Lucas
pseudoprimes*, Math. Comp. 35, 1980).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from newral_kernels.gmp import jacobi
from newral_kernels.sieve import primes_below

DISCRIMINANTS: Final = (5, -7, -11, 13, -15, 17, -19, 21, -23)
"""Selfridge's, without 9: the squares of his sequence are −1 to no n."""

SIGNS: Final = (-1, 1)

FILTER_STOP: Final = 512
"""Primes below it are looked for in the cofactor n/p before anything is raised to a power."""


class SmallPrime(NamedTuple):
    """n with this factor passes both tests only for n ≡ `residue` modulo `modulus`; never where the
    modulus is 0."""

    prime: int
    modulus: int
    residue: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """A discriminant and the sign e that (D/n) has."""

    discriminant: int
    sign: int

    @property
    def q(self) -> int:
        """Of the Lucas sequence with P = 1."""
        return (1 - self.discriminant) // 4

    def symbols(self) -> tuple[int, ...]:
        """(n/|D|) for the residues n modulo |D|, which is (D/n) for odd n: D ≡ 1 (mod 4)."""
        size = abs(self.discriminant)
        return tuple(int(jacobi(residue, size)) for residue in range(size))

    def excludes(self, p: int) -> bool:
        """Whether no multiple n of the odd prime p is of the class, since p divides D, or passes
        the Lucas test, since p divides Q and not P."""
        return (self.discriminant * self.q) % p == 0

    def small_primes(self) -> tuple[SmallPrime, ...]:
        """What the odd primes below `FILTER_STOP` ask of their multiples."""
        return tuple(map(self._small_prime, primes_below(FILTER_STOP)[1:]))

    def _small_prime(self, p: int) -> SmallPrime:
        if self.excludes(p):
            return SmallPrime(p, 0, 0)
        order, rank = order_of_two(p), rank_of_apparition(p, self.q)
        shared = math.gcd(order, rank)
        if (1 - self.sign) % shared != 0:
            return SmallPrime(p, 0, 0)
        modulus = order * rank // shared
        residue = next(n for n in range(1, modulus + 1, order) if (n - self.sign) % rank == 0)
        return SmallPrime(p, modulus, residue % modulus)


@functools.cache
def order_of_two(p: int) -> int:
    """The multiplicative order of 2 modulo a small odd p, by trying."""
    power, order = 2 % p, 1
    while power != 1:
        power, order = 2 * power % p, order + 1
    return order


@functools.cache
def rank_of_apparition(p: int, q: int) -> int:
    """The least k > 0 with p | U_k, for P = 1 and a small prime p that does not divide q."""
    before, now, rank = 0, 1, 1
    while now != 0:
        before, now, rank = now, (now - q * before) % p, rank + 1
    return rank
