"""All n = P·q·r for one preproduct P and many primes q, with one division for all of them.

Let k = (Pr − 1)/(q − 1), an integer since q − 1 divides n − 1. Then n = q + kq(q − 1), so that
k ≡ −1/(q − 1) modulo P and, because λ(P) divides n − 1, k ≡ −1/q modulo λ(P)/gcd(λ(P), q − 1).
The inverses for all q are computed together; and since q < r and n < B, P < k < B/q(q − 1).

For large q that leaves a few k modulo P, all of which are tried. For small q both congruences are
one: with μ | λ(P) and ε ≡ 1 (mod P), ε ≡ 0 (mod μ),

    k ≡ −1/(q − ε)  (mod Pμ),

or modulo what is left of Pμ without the prime powers of μ whose prime divides q − 1.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from newral_kernels.borrowing import borrowing
from newral_kernels.float_residues import (
    integer,
    invert_each,
    nearest,
    real,
    reduce_mod,
)
from newral_kernels.preproducts.node import Node, Sieve, make_sieve
from newral_kernels.preproducts.workspace import CHUNK, Integers, Primes, Work
from newral_kernels.words import (
    HALF_MASK,
    ONE,
    U64,
    ZERO,
    clz64,
    inverse_word,
    mont_mul,
    mont_one,
)

TRIES: Final = 12  # k modulo P for one q, up to which trying them costs less than sieving
SIEVED_MIN: Final = 12  # primes q: for fewer, the sieve's preparation costs more than it saves
DOUBLE_BITS: Final = 53

_SLACK: Final = 1 + 2.0**-40  # of a bound in floating point: the hits are compared exactly


@borrowing
def complete_pairs(
    below: int,
    node: Node,
    primes: Primes,
    spf: Integers,
    first: int,
    last: int,
    work: Work,
) -> U64:
    """List the hits n <= below with q among primes[first:last]; the sum of the residues.

    The residue of a pair is −1/(q − 1) mod P, from 0 to P − 1, if P and q − 1 are coprime. P is
    below 2^49: otherwise q² <= 10^18/P leaves q < 43, and all odd primes below that make less.
    """
    if first >= last:
        return ZERO
    total = ZERO
    split = _split(below, node, primes, first, last)
    if split > first:
        sieve = make_sieve(node, spf, work)
        while first < split:
            stop = min(first + CHUNK, split)
            count = _admissible(node, primes, first, stop, work)
            if count > 0:
                total += _complete_by_sieve(below, node, sieve, count, work)
            first = stop
    while first < last:
        stop = min(first + CHUNK, last)
        count = _admissible(node, primes, first, stop, work)
        if count > 0:
            total += _complete_by_trial(below, node, count, work)
        first = stop
    return total


@borrowing
def _split(below: int, node: Node, primes: Primes, first: int, last: int) -> int:
    """Up to which index to sieve; what is tried has (Pq)^2 and n/q in the range of doubles."""
    x = below // node.product
    bound = integer(np.sqrt(real(x) / TRIES)) if node.product > 2 * TRIES else 0
    bound = max(bound, below >> (DOUBLE_BITS - 1))
    if integer(primes[last - 1]) <= bound:
        return last
    low, high = first, last
    while low < high:
        middle = (low + high) >> 1
        if integer(primes[middle]) <= bound:
            low = middle + 1
        else:
            high = middle
    if low - first < SIEVED_MIN and integer(primes[first]) > below >> (DOUBLE_BITS - 1):
        return first
    return low


@borrowing
def _admissible(node: Node, primes: Primes, first: int, last: int, work: Work) -> int:
    """Collect in `work.qs` the q that are 1 modulo no prime of P; return how many there are.

    For odd p, p | x exactly if x·p^-1 mod 2^32 <= (2^32 − 1)/p.
    """
    size = last - first
    marks, qs = work.marks, primes[first:last]
    for i in range(size):
        marks[i] = ONE
    for index in range(node.depth):
        p = np.uint64(work.factors[index])
        inverse, largest = inverse_word(p) & HALF_MASK, HALF_MASK // p
        for i in range(size):
            product = ((np.uint64(qs[i]) - ONE) & HALF_MASK) * inverse & HALF_MASK
            marks[i] &= np.uint64(product > largest)
    count = ZERO  # an unsigned index is used as it is
    for i in range(size):
        work.qs[count] = np.uint64(qs[i])
        count += marks[i]
    return integer(count)


@borrowing
def _invert(count: int, modulus: float, shift: float, work: Work) -> None:
    """Write −1/(q − shift) mod `modulus`, from 0 on, to the tree's first places."""
    tree = work.tree
    inverse = 1.0 / modulus
    for i in range(count):
        tree[i] = reduce_mod(real(integer(work.qs[i])) - shift, modulus, inverse)
    invert_each(tree, count, modulus)
    for i in range(count):
        tree[i] = -tree[i] if tree[i] <= 0 else modulus - tree[i]


@borrowing
def _complete_by_trial(below: int, node: Node, count: int, work: Work) -> U64:
    """Try k = κ + jP for all j >= 1, κ being the residue: whether r − 1 divides Pq − 1."""
    product = real(node.product)
    _invert(count, product, 1.0, work)
    qs, ks, flags = work.qs, work.tree, work.flags
    total = 0
    for i in range(count):
        total += integer(ks[i])
        flags[i] = 0
    inverse = 1.0 / product
    end = count
    # r <= (Pq + 1)/2, since r = Pq is no prime: no j above P/2 + 1 is of use.
    for j in range(1, node.product // 2 + 2):
        offset = j * product
        largest = np.uint64(np.sqrt(below / offset)) + ONE
        while end > 0 and qs[end - 1] > largest:
            end -= 1
        if end == 0:
            break
        for i in range(end):
            q = real(integer(qs[i]))
            r = nearest(((ks[i] + offset) * (q - 1) + 1) * inverse)
            quotient = (product * q - 1) / (r - 1)
            flags[i] |= np.uint8(quotient == nearest(quotient))
    _examine_flagged(below, node, count, 0, work)
    return np.uint64(total)


@borrowing
def _complete_by_sieve(below: int, node: Node, sieve: Sieve, count: int, work: Work) -> U64:
    """Flag the q for which the progression of k, modulo all that is left of Pμ, has a k at all."""
    modulus = real(sieve.modulus)
    _invert(count, modulus, real(sieve.shift), work)
    _reduce_moduli(modulus, sieve, count, work)
    qs, ks, moduli, flags = work.qs, work.tree, work.moduli, work.flags
    product = real(node.product)
    inverse = 1.0 / product
    limit = below * _SLACK
    total = 0
    for i in range(count):
        q = real(integer(qs[i]))
        residue = reduce_mod(ks[i], product, inverse)
        total += integer(residue if residue >= 0 else residue + product)
        k = reduce_mod(ks[i], moduli[i], 1.0 / moduli[i])
        k = k if k > 0 else k + moduli[i]
        ks[i] = k
        least = k if k > product else k + moduli[i]
        h = least * (q - 1)
        flags[i] = np.uint8((h * q <= limit) & (h * 2 <= product * (product * q + 1) * _SLACK))
    _examine_flagged(below, node, count, 1, work)
    return np.uint64(total)


@borrowing
def _reduce_moduli(modulus: float, sieve: Sieve, count: int, work: Work) -> None:
    """Write Pμ/gcd(μ, q − 1) for each q."""
    moduli, qs = work.moduli, work.qs
    for i in range(count):
        bits = (qs[i] - ONE) | np.uint64(sieve.twos)
        moduli[i] = modulus / real(integer(bits & (ZERO - bits)))
    for index in range(sieve.powers):
        power = np.uint64(work.sieve_powers[index])
        inverse, largest = inverse_word(power) & HALF_MASK, HALF_MASK // power
        factor = 1.0 / work.sieve_primes[index]
        for i in range(count):
            product = ((qs[i] - ONE) & HALF_MASK) * inverse & HALF_MASK
            # Below 2^50 and divisible: the nearest integer is the quotient.
            moduli[i] = nearest(moduli[i] * factor) if product <= largest else moduli[i]


@borrowing
def _examine_flagged(below: int, node: Node, count: int, sieved: int, work: Work) -> None:
    """Go through the k of the q that were flagged, exactly."""
    for i in range(count, (count + 7) & ~7):
        work.flags[i] = 0
    for word in range((count + 7) >> 3):
        if work.flag_words[word] != ZERO:
            for i in range(8 * word, 8 * word + 8):
                if work.flags[i]:
                    step = integer(work.moduli[i]) if sieved else node.product
                    _try_each_k(below, node, integer(work.qs[i]), integer(work.tree[i]), step, work)


@borrowing
def _try_each_k(below: int, node: Node, q: int, k: int, step: int, work: Work) -> None:
    """Try k, k + step, …, as far as P < k and r is small enough."""
    product, h = node.product, q - 1
    largest_r = min(below // (product * q), (product * q + 1) // 2)
    largest = (product * largest_r - 1) // h
    if k <= product:
        k += ((product - k) // step + 1) * step
    if k > largest or not _may_divide(below, product, q, k, step, (largest - k) // step + 1):
        return
    while k <= largest:
        r = integer(np.uint64(k * h + 1) // np.uint64(product))
        if np.uint64(product * q - 1) % np.uint64(r - 1) == ZERO:
            record(node, q, r, work)
        k += step


@borrowing
def _may_divide(below: int, product: int, q: int, k: int, step: int, count: int) -> bool:
    """False only if for none of `count` values k, k + step, …, r − 1 divides Pq − 1."""
    if q <= below >> (DOUBLE_BITS - 1):
        return True
    # Pr <= below/q is exact as a double, and a quotient of such numbers is if it is an integer.
    inverse, dividend = 1.0 / product, real(product * q - 1)
    first, by, h = real(k), real(step), real(q - 1)
    possible = 0
    for j in range(count):
        r = nearest(((first + j * by) * h + 1) * inverse)
        quotient = dividend / (r - 1)
        possible |= integer(quotient == nearest(quotient))
    return possible != 0


@borrowing
def record(node: Node, q: int, r: int, work: Work) -> None:
    """List n = Pqr if λ(P) divides n − 1 and r may be prime; the other conditions are met."""
    n = node.product * q * r
    if r == q or (n - 1) % node.exponent or not passes_fermat(r):
        return
    row = work.counts[0]
    work.counts[0] = row + 1
    if row >= len(work.hits):
        return
    work.hits[row, 0] = node.depth + 2
    for index in range(node.depth):
        work.hits[row, 1 + index] = work.factors[index]
    work.hits[row, 1 + node.depth] = q
    work.hits[row, 2 + node.depth] = r


@borrowing
def passes_fermat(number: int) -> bool:
    """Whether 2^(n−1) ≡ 1 modulo an odd n > 1: a filter, not a proof."""
    n = np.uint64(number)
    inverse, one = inverse_word(n), mont_one(n)
    exponent = n - ONE
    x = one
    for bit in range(63 - integer(clz64(exponent)), -1, -1):
        x = mont_mul(x, x, n, inverse)
        if (exponent >> np.uint64(bit)) & ONE:
            x = x - (n - x) if x >= n - x else x + x
    return bool(x == one)
