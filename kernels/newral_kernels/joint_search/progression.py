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
def _progression(
    p: U64, order: U64, rank: U64, symbol: int, sign: int, bound_high: U64, bound_low: U64
) -> tuple[U64, U64, U64]:
    """The least odd s >= 2 with s ≡ 1 (mod order) and s ≡ sign·symbol (mod rank), the step to the
    next, and how many there are with p·s up to the bound, given in two words.

    Order and rank are those of a prime p < 2^32 that leaves such a class, symbol is (D/p).
    """
    most = div_rem_128(bound_high, bound_low, p)[0]
    if most < max(order + ONE, rank - ONE):
        return ZERO, ZERO, ZERO
    target = sign * symbol
    # The gcd divides 2 as a divisor of 1 − sign, or of p − 1 and p + 1.
    small = ONE if (order | rank) & ONE else TWO
    shared = gcd(order, rank) if sign > 0 and target > 0 else small
    step = order // shared * rank
    first = step + ONE
    if target < 0:
        first = ONE + order * _turns(order // shared, rank // shared, TWO // shared)
    if step & ONE:
        first = first + step if first & ONE == ZERO else first
        step += step
    return first, step, (ZERO if first > most else (most - first) // step + ONE)


@device
def _turns(order: U64, rank: U64, two: U64) -> U64:
    """The least t >= 0 with order·t ≡ −two (mod rank), for coprime order and rank < 2^32."""
    return (rank - two % rank) * inverse_mod(order % rank, rank) % rank


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
    "void(uint64[::1], uint64[::1], uint64[::1], int8[::1], int64, uint64, uint64, "
    "uint64[::1], uint64[::1], uint64[::1])"
)
def fill_progressions(
    primes: Words,
    orders: Words,
    ranks: Words,
    symbols: Signs,
    sign: int,
    bound_high: U64,
    bound_low: U64,
    firsts: Words,
    steps: Words,
    terms: Words,
) -> None:
    """Write each prime's progression up to the bound, given in two words: its first term, the step
    to the next, and how many there are."""
    for k in range(len(primes)):
        firsts[k] = steps[k] = terms[k] = ZERO
        if ranks[k] != ZERO:
            firsts[k], steps[k], terms[k] = _progression(
                primes[k], orders[k], ranks[k], symbols[k], sign, bound_high, bound_low
            )
