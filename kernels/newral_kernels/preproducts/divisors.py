"""All n = P·q·r for one preproduct P, without a bound: there are finitely many.

After N. G. W. H. Beeger (1950), Pinch (1993) and Shallue and Webster (2024). Let p be the largest
prime of P, D = (Pq − 1)/(r − 1), C = (Pr − 1)/(q − 1) and Δ = CD − P². Then 2 <= D < P < C, and

    q − 1 = (P − 1)(P + D)/Δ,   r − 1 = (P − 1)(P + C)/Δ.

So for each D, the divisors Δ of (P − 1)(P + D) that leave q > p and D | P² + Δ are all there is:
about P·ln P of them, times the number of divisors of P − 1.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from newral_kernels.borrowing import borrowing
from newral_kernels.float_residues import integer
from newral_kernels.jit import compiled
from newral_kernels.preproducts.pairs import passes_fermat
from newral_kernels.preproducts.workspace import (
    Bytes,
    Integers,
    Integers2,
    Words,
)
from newral_kernels.words import U64

DIVISORS_MAX: Final = 8192  # of a number (P − 1)(P + D) below 2^41: at most 6,720
SEGMENT_BITS: Final = 4  # a group has a P and the D with the same ⌊D/2^4⌋


@compiled(
    "UniTuple(int64, 2)(int64[::1], int64[::1], int64[::1], int64, int64, uint8[::1], "
    "uint64[::1], int64[::1], int64[:, ::1])"
)
def search_preproducts(
    products: Integers,
    segments: Integers,
    leaves: Integers,
    start: int,
    stop: int,
    wanted: Bytes,
    sums: Words,
    spf: Integers,
    hits: Integers2,
) -> tuple[int, int]:
    """Search the groups from `start` to `stop` whose leaf is wanted: a preproduct <= 2^20 with a
    segment of D each.

    Writes P, q, r for each n found, the primality of r proved no further than by Fermat's test, and
    adds the residues to the leaves' sums. Returns where it stopped, which is before `stop` when
    the next group has more hits than there is room for, and the number of hits.
    """
    divisors = np.empty(DIVISORS_MAX, np.int64)
    found = np.zeros(1, np.int64)
    for row in range(start, stop):
        if not wanted[leaves[row]]:
            continue
        before = found[0]
        total = _search_group(products[row], segments[row], spf, divisors, hits, found)
        if found[0] > len(hits):
            return row, before
        sums[leaves[row]] += total
    return stop, found[0]


@borrowing
def _search_group(
    product: int,
    segment: int,
    spf: Integers,
    divisors: Integers,
    hits: Integers2,
    found: Integers,
) -> U64:
    """The sum of the residues (P² + Δ) mod D."""
    largest, exponent = _largest_prime_and_exponent(product, spf)
    square = product * product
    total = 0
    first = max(segment << SEGMENT_BITS, 2)
    for d in range(first, min((segment + 1) << SEGMENT_BITS, product)):
        whole = (product - 1) * (product + d)
        most = whole // (largest + 1)
        count = _list_divisors(product - 1, product + d, most, spf, divisors)
        for index in range(count):
            delta = divisors[index]
            rest = integer(np.uint64(square + delta) % np.uint64(d))
            total += rest
            if rest == 0:
                _examine(product, largest, exponent, d, delta, hits, found)
    return np.uint64(total)


@borrowing
def _list_divisors(first: int, second: int, most: int, spf: Integers, divisors: Integers) -> int:
    """The divisors <= most of first·second, each once, in no order; returns how many there are."""
    divisors[0] = 1
    count = 1
    while first > 1 or second > 1:
        prime = integer(spf[first] if first > 1 else spf[second])
        power = 0
        while first % prime == 0:
            first //= prime
            power += 1
        while second % prime == 0:
            second //= prime
            power += 1
        known = count
        for index in range(known):
            value = divisors[index]
            for _ in range(power):
                value *= prime
                if value > most:
                    break
                divisors[count] = value
                count += 1
    return count


@borrowing
def _largest_prime_and_exponent(product: int, spf: Integers) -> tuple[int, int]:
    """The largest prime of P, and λ(P)."""
    largest, exponent, rest = 1, 1, product
    while rest > 1:
        largest = spf[rest]
        rest //= largest
        a, b = exponent, largest - 1
        while b:
            a, b = b, a % b
        exponent *= (largest - 1) // a
    return largest, exponent


@borrowing
def _examine(
    product: int, largest: int, exponent: int, d: int, delta: int, hits: Integers2, found: Integers
) -> None:
    """List P, q, r if n = Pqr meets Korselt's criterion and q, r may be prime.

    That q − 1 divides Pr − 1, and r − 1 divides Pq − 1, follows from how they are made.
    """
    c = (product * product + delta) // d
    if (product - 1) * (product + c) % delta:
        return
    q = (product - 1) * (product + d) // delta + 1
    r = (product - 1) * (product + c) // delta + 1
    if q <= largest or q >= r or q & 1 == 0 or r & 1 == 0:
        return
    if product % exponent * (q % exponent) % exponent * (r % exponent) % exponent != 1:
        return
    if not passes_fermat(q) or not passes_fermat(r):
        return
    row = found[0]
    found[0] = row + 1
    if row < len(hits):
        hits[row, 0], hits[row, 1], hits[row, 2] = product, q, r
