"""The class of cofactors that one prime leaves, for compiled code.

Let o be the order of 2 modulo p and w the rank of p. Of n = p·s the tests ask n ≡ 1 (mod o) and
n ≡ e (mod w). Since p ≡ 1 (mod o) and p ≡ (D/p) (mod w), that is s ≡ 1 (mod o) and s ≡ e·(D/p)
(mod w), whatever n is modulo p: a class modulo lcm(2, o, w), for odd s.
"""

from __future__ import annotations

import numpy as np

from newral_kernels.float_residues import inverse_mod
from newral_kernels.jit import device
from newral_kernels.words import ONE, TWO, U64, ZERO


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
    inverse = np.uint64(inverse_mod(np.int64(order // shared % reduced), np.int64(reduced)))
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
def gcd(a: U64, b: U64) -> U64:
    """The greatest common divisor."""
    while b != ZERO:
        a, b = b, a % b
    return a
