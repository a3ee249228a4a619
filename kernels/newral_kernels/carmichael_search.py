"""Carmichael numbers below a bound, constructed from their prime factors.

After R. G. E. Pinch, *The Carmichael numbers up to 10^15*, Math. Comp. 61 (1993). Write n = P·q·r
with primes q < r above those of the *preproduct* P, and λ(m) for the least common multiple of p − 1
over the primes p of m. Then P and q come from a recursion over admissible primes, and r is a
solution of P·q·r ≡ 1 (mod λ(Pq)) for which r − 1 divides Pq − 1.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from newral_kernels.carmichael_cell import Cell
from newral_kernels.criterion import Factored
from newral_kernels.gmp import invert
from newral_kernels.primality import is_prime_below_2_64
from newral_kernels.sieve import primes_between

LEAF_PRIMES_MAX: Final = 2**16  # some 50 ms of work, between which a search can stop


@dataclass(frozen=True, slots=True)
class Leaf:
    """All n = P·q·r with one preproduct P and some primes q. `exponent` is λ(P)."""

    factors: tuple[int, ...]
    preproduct: int
    exponent: int
    qs: array[int]


def leaves(cell: Cell) -> Iterator[Leaf]:
    """Leaves that together hold all Carmichael numbers of the cell, in a fixed order."""
    below, product = cell.bound - 1, cell.preproduct
    exponent = math.lcm(*(p - 1 for p in cell.prefix))
    if len(cell.prefix) >= 2:  # r is the next prime after the prefix
        *factors, q = cell.prefix
        yield Leaf(
            tuple(factors),
            product // q,
            math.lcm(*(p - 1 for p in factors)),
            array("Q", [q]),
        )
    primes = primes_between(cell.low, _largest_q(cell) + 1)
    last = bisect_left(primes, cell.high)
    yield from _descend(primes, below, cell.prefix, product, exponent, 0, last)


def complete(leaf: Leaf, below: int) -> Iterator[Factored]:
    """The Carmichael numbers n <= below of a leaf, in no particular order."""
    for q in leaf.qs:
        for p in leaf.factors:
            if (q - 1) % p == 0:
                break
        else:
            product = leaf.preproduct * q
            modulus = math.lcm(leaf.exponent, q - 1)
            # The inverse exists: no prime of Pq divides p − 1 or q − 1 for another.
            r = int(invert(product, modulus))
            largest = below // product
            if r > largest:
                continue
            # r − 1 divides product − 1 properly, since r = product would be no prime.
            largest = min(largest, (product + 1) // 2)
            if r <= q:
                r += -(-(q + 1 - r) // modulus) * modulus
            for candidate in range(r, largest + 1, modulus):
                if (product - 1) % (candidate - 1) == 0 and is_prime_below_2_64(candidate):
                    yield Factored(product * candidate, (*leaf.factors, q, candidate))


def search(cell: Cell) -> list[Factored]:
    """The Carmichael numbers of the cell, ascending."""
    found = (item for leaf in leaves(cell) for item in complete(leaf, cell.bound - 1))
    return sorted(item for item in found if cell.holds(item.n, item.factors))


def _largest_q(cell: Cell) -> int:
    """No q of the cell is larger, but for that of the prefix itself."""
    below, product = cell.bound - 1, cell.preproduct
    largest = min(cell.high - 1, math.isqrt(below // product))  # P·q·r <= below and q < r
    if product * cell.low**3 <= below:  # the next prime may be followed by two larger ones
        largest = max(largest, math.isqrt(below // (product * cell.low)))
    return largest


def _descend(
    primes: array[int],
    below: int,
    factors: tuple[int, ...],
    preproduct: int,
    exponent: int,
    first: int,
    last: int,
) -> Iterator[Leaf]:
    """The leaves whose next prime after the preproduct's is among primes[first:last]."""
    last = bisect_right(primes, math.isqrt(below // preproduct), first, last)
    if factors:  # n = q·r is never a Carmichael number
        for index in range(first, last, LEAF_PRIMES_MAX):
            qs = primes[index : min(index + LEAF_PRIMES_MAX, last)]
            yield Leaf(factors, preproduct, exponent, qs)
    for index in range(first, last):
        p = primes[index]
        if preproduct * p**3 > below:
            break
        if all((p - 1) % factor != 0 for factor in factors):
            yield from _descend(
                primes,
                below,
                (*factors, p),
                preproduct * p,
                math.lcm(exponent, p - 1),
                index + 1,
                len(primes),
            )
