"""The class of cofactors that one prime leaves, for compiled code.

Let o be the order of 2 modulo p and w the rank of p. Of n = p·s the tests ask n ≡ 1 (mod o) and
n ≡ e (mod w). Since p ≡ 1 (mod o) and p ≡ (D/p) (mod w), that is s ≡ 1 (mod o) and s ≡ e·(D/p)
(mod w), whatever n is modulo p: a class modulo lcm(2, o, w), for odd s.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from newral_kernels.jit import compiled, device
from newral_kernels.joint_search.tables import Signs, Words
from newral_kernels.words import ONE, TWO, U64, ZERO, div_rem_128

_TOP_BIT: Final = np.uint64(63)


@device
def progression(order: U64, rank: U64, target: int) -> tuple[U64, U64]:
    """The least odd s >= 2 with s ≡ 1 (mod order) and s ≡ target (mod rank), and the step to the
    next; target is 1 or −1, and gcd(order, rank) divides 1 − target. Both are below 2^33."""
    shared = gcd(order, rank)
    step = order // shared * rank
    if target == 1:
        step <<= step & ONE
        return step + ONE, step
    # s = 1 + order·t with order·t ≡ −2 (mod rank), where shared is 1 or 2
    reduced = rank // shared
    inverse = inverse_mod(order // shared % reduced, reduced)
    turns = (reduced - TWO // shared % reduced) % reduced * inverse % reduced
    first = ONE + order * turns
    if step & ONE:
        first = first + step if first & ONE == ZERO else first
        step += step
    return first, step


@device
def count_terms(first: U64, step: U64, most: U64) -> U64:
    """How many of first, first + step, … are at most `most`."""
    return ZERO if first > most else (most - first) // step + ONE


@device
def inverse_mod(a: U64, modulus: U64) -> U64:
    """1/a modulo a modulus below 2^62 that is coprime to a < modulus; 0 modulo 1."""
    previous, rest, x, y = modulus, a, ZERO, ONE  # x and y with their signs, modulo 2^64
    while rest > ONE:
        quotient = previous // rest
        previous, rest = rest, previous - quotient * rest
        x, y = y, x - quotient * y
    if modulus == ONE:
        return ZERO
    return y + modulus if y >> _TOP_BIT else y


@device
def gcd(a: U64, b: U64) -> U64:
    """The greatest common divisor."""
    while b != ZERO:
        a, b = b, a % b
    return a


@compiled(
    "void(uint64[::1], uint64[::1], uint64[::1], int8[::1], int64, uint64, uint64, uint64[::1])"
)
def fill_terms(
    primes: Words,
    orders: Words,
    ranks: Words,
    symbols: Signs,
    sign: int,
    bound_high: U64,
    bound_low: U64,
    terms: Words,
) -> None:
    """Write how many terms each prime's progression has up to the bound, given in two words."""
    for k in range(len(primes)):
        terms[k] = ZERO
        if ranks[k] != ZERO:
            first, step = progression(orders[k], ranks[k], sign * symbols[k])
            terms[k] = count_terms(first, step, div_rem_128(bound_high, bound_low, primes[k])[0])
