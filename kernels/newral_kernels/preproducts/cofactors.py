"""All n = P·m for one preproduct P, where few m are possible: m ≡ 1/P modulo λ(P).

They are tested together with those of other preproducts: every such n has 2^(n−1) ≡ 1 (mod m).
"""

from __future__ import annotations

import numpy as np

from newral_kernels.borrowing import borrowing
from newral_kernels.float_residues import integer, inverse_mod, mul_mod, nearest, real
from newral_kernels.preproducts.workspace import (
    BUFFER,
    DEPTH_MAX,
    TRIAL,
    Primes,
    Queue,
    Work,
)
from newral_kernels.words import ONE, U64, ZERO, clz64

COFACTOR_BITS_MAX = 47  # doubled residues must stay small enough for `mul_mod`
COFACTOR_SHARE = 16
"""How many times as many integers as candidates m between the least and the largest q."""

TRIAL_PRIMES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31)
_HEAD_BITS = 4  # of the exponent, with which powers begin: 2^15 at most


@borrowing
def few_cofactors(below: int, product: int, exponent: int, p: int) -> bool:
    """Whether to go through m rather than q: P's largest prime is p.

    With X = ⌊below/P⌋, if X < 2^47 and COFACTOR_SHARE·⌊X/λ(P)⌋ <= ⌊√X⌋ − p.
    """
    x = below // product
    return x < 1 << COFACTOR_BITS_MAX and COFACTOR_SHARE * (x // exponent) <= isqrt(x) - p


@borrowing
def isqrt(number: int) -> int:
    """⌊√number⌋ for 0 <= number < 2^62."""
    root = integer(np.sqrt(real(number)))
    while root * root > number:
        root -= 1
    while (root + 1) * (root + 1) <= number:
        root += 1
    return root


@borrowing
def complete_cofactors(
    below: int,
    product: int,
    exponent: int,
    depth: int,
    primes: Primes,
    queue: Queue,
    work: Work,
) -> U64:
    """Queue the m that have no prime factor up to 31 nor p, the largest of P, whichever is less.

    Returns the sum of the residues of what was tested, to make room.
    """
    p = work.factors[depth - 1]
    largest = below // product
    m = inverse_mod(product % exponent, exponent)
    least = (p + 2) * (p + 2)
    if m < least:
        m += ((least - m - 1) // exponent + 1) * exponent
    if m > largest:
        return ZERO
    total = ZERO
    if queue.counts[1] == len(queue.depths):
        total += flush(primes, queue, work)
    node = _add_node(product, depth, queue, work)
    while m <= largest:
        count = min((largest - m) // exponent + 1, TRIAL)
        _mark_smooth(m, exponent, count, p, queue)
        for i in range(count):
            if queue.smooth[i]:
                continue
            if queue.counts[0] == BUFFER:
                total += flush(primes, queue, work)
                node = _add_node(product, depth, queue, work)
            row = queue.counts[0]
            queue.counts[0] = row + 1
            queue.ms[row] = queue.candidates[i]
            queue.exponents[row] = np.uint64(product * integer(queue.candidates[i]) - 1)
            queue.nodes[row] = node
        m += count * exponent
    return total


@borrowing
def _add_node(product: int, depth: int, queue: Queue, work: Work) -> int:
    """Its place among the queue's preproducts."""
    node = queue.counts[1]
    queue.counts[1] = node + 1
    queue.depths[node] = depth
    queue.products[node] = product
    for index in range(depth):
        queue.factors[node, index] = work.factors[index]
    return integer(node)


@borrowing
def _mark_smooth(m: int, step: int, count: int, p: int, queue: Queue) -> None:
    """Of `count` candidates m, m + step, …, mark those that a prime up to min(p, 31) divides."""
    candidates, smooth = queue.candidates, queue.smooth
    # Rounded up, so that the compiler's loops have no rest to do one by one.
    padded = (count + 7) & ~7
    for i in range(padded):
        candidates[i] = real(m + i * step)
        smooth[i] = 0
    for prime in TRIAL_PRIMES:
        if prime > p:
            break
        inverse = 1.0 / prime
        for i in range(padded):
            multiple = prime * nearest(candidates[i] * inverse)
            smooth[i] |= np.uint8(multiple == candidates[i])


@borrowing
def flush(primes: Primes, queue: Queue, work: Work) -> U64:
    """Test what is queued; return the sum of the residues 2^(n−1) mod m."""
    count = queue.counts[0]
    queue.counts[0] = 0
    queue.counts[1] = 0
    if count == 0:
        return ZERO
    ms, inverses, powers, exponents = queue.ms, queue.inverses, queue.powers, queue.exponents
    longest = ZERO
    for i in range(count):
        longest |= exponents[i]
    bits = 64 - integer(clz64(longest))
    head = max(bits - _HEAD_BITS, 0)
    for i in range(count):
        inverses[i] = 1.0 / ms[i]
        powers[i] = real(integer(1) << integer(exponents[i] >> np.uint64(head)))
    for bit in range(head - 1, -1, -1):
        shift = np.uint64(bit)
        for i in range(count):
            x = mul_mod(powers[i], powers[i], ms[i], inverses[i])
            powers[i] = x * real(integer(ONE + ((exponents[i] >> shift) & ONE)))
    total = 0
    for i in range(count):
        x = mul_mod(powers[i], 1.0, ms[i], inverses[i])
        x = x if x >= 0 else x + ms[i]
        powers[i] = x
        total += integer(x)
    for i in range(count):
        if powers[i] == 1.0:
            _factor(integer(ms[i]), integer(exponents[i]), queue.nodes[i], primes, queue, work)
    return np.uint64(total)


@borrowing
def _factor(
    m: int,
    exponent: int,
    node: int,
    primes: Primes,
    queue: Queue,
    work: Work,
) -> None:
    """List the hit if m, composite, satisfies Korselt's criterion with n − 1 = `exponent`."""
    depth = queue.depths[node]
    row = work.counts[0]
    if row >= len(work.hits):
        # There is no room: it must be known that there is one more, not which.
        work.counts[0] = row + 1
        return
    hit = work.hits[row]
    for index in range(depth):
        hit[1 + index] = queue.factors[node, index]
    index = _index_above(primes, integer(queue.factors[node, depth - 1]))
    count, rest = depth, m
    while index < len(primes):
        q = integer(primes[index])
        if q * q > rest:
            break
        if np.uint64(rest) % np.uint64(q) == ZERO:
            rest //= q
            if exponent % (q - 1) or rest % q == 0 or count == DEPTH_MAX:
                return
            count += 1
            hit[count] = q
        index += 1
    if count > depth and exponent % (rest - 1) == 0:
        count += 1
        hit[count] = rest
        hit[0] = count
        work.counts[0] = row + 1


@borrowing
def _index_above(primes: Primes, bound: int) -> int:
    """How many primes there are up to the bound."""
    low, high = 0, len(primes)
    while low < high:
        middle = (low + high) >> 1
        if integer(primes[middle]) <= bound:
            low = middle + 1
        else:
            high = middle
    return low
