"""Base-2 pseudoprimes with three or more prime factors by the least two of them, compiled.

Let p <= q be the least prime factors of n = p·q·t, and e(p) the least even multiple of the order of
2 modulo p. Then n ≡ 1 modulo e(p) and e(q), where p ≡ 1 and q ≡ 1: so p·t ≡ 1 (mod e(q)) and
q·t ≡ 1 (mod e(p)), one residue class of t. Of most pairs the first condition leaves no t within the
range of n.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from newral_kernels.float_residues import (
    Doubles,
    integer,
    inverse_mod,
    invert_each,
    reduce_mod,
)
from newral_kernels.jit import compiled, device
from newral_kernels.powers import LANES, Words, powers_of_two
from newral_kernels.words import ONE, U64, ZERO, umulh

# A margin for what is rounded: far above its error, far below what would cost time.
_MARGIN: Final = 1e-6
_MARGIN_RELATIVE: Final = 1e-14

Flags = npt.NDArray[np.bool_]


@compiled(
    "UniTuple(uint64, 4)(uint64[::1], uint64[::1], uint64[::1], uint64[::1], uint64[::1], "
    "uint64[::1], uint64[:, ::1])"
)
def scan_pairs(
    primes: Words,
    steps: Words,
    lows: Words,
    stops: Words,
    seconds: Words,
    second_steps: Words,
    found: Words,
) -> tuple[U64, U64, U64, U64]:
    """For each p of `primes` and each q >= p of `seconds`, test every t >= q of the residue class
    with low <= q·t < stop for p's low and stop: whether 2^(p·q·t − 1) ≡ 1 (mod t).

    Primes ascend, `stops` descend and are at most 2^49. Returns the sum of (1/p mod e(q))·q over
    the pairs for which there can be a t, how many t were tested, the sum of (2^(p·q·t − 1) mod t)·t
    over them, both sums modulo 2^64, and how many passed: `found` has rows (p, q·t), as many as
    fit.
    """
    tree = np.empty(2 * len(primes) + 64, np.float64)
    flags = np.empty(len(primes), np.bool_)
    bounds = np.empty((2, len(primes)), np.float64)
    for i in range(len(primes)):
        bounds[0, i], bounds[1, i] = np.float64(np.int64(lows[i])), np.float64(np.int64(stops[i]))
    queue, batch = np.empty((3, LANES), np.uint64), np.empty((3, LANES), np.uint64)
    work = np.empty((3, LANES), np.float64)
    waiting = 0
    inverses = tested = total = hits = ZERO
    for j in range(len(seconds)):
        q, modulus = seconds[j], second_steps[j]
        count = _partners(primes, stops, q)
        if count == 0:
            continue
        _inverses(primes, count, modulus, tree)
        _flag(bounds[0], bounds[1], count, q, modulus, tree, flags)
        for i in range(count):
            inverses += np.uint64(np.int64(tree[i])) * q
        for i in range(count):
            if not flags[i] or tree[i] == 0.0:
                continue
            t, stride, stop = _class(lows[i], stops[i], steps[i], q, modulus, tree[i])
            while t < stop:
                queue[0, waiting], queue[1, waiting], queue[2, waiting] = primes[i], q * t, t
                waiting += 1
                if waiting == LANES:
                    total, hits = _test(queue, LANES, total, hits, found, batch, work)
                    tested += np.uint64(LANES)
                    waiting = 0
                t += stride
    if waiting > 0:
        total, hits = _test(queue, waiting, total, hits, found, batch, work)
    return inverses, tested + np.uint64(waiting), total, hits


@device
def _partners(primes: Words, stops: Words, q: U64) -> int:
    """How many p there are, from the least, with p <= q and a t >= q below the stop."""
    low, high = 0, len(primes)
    while low < high:
        middle = (low + high) // 2
        if primes[middle] <= q and q * q < stops[middle]:
            low = middle + 1
        else:
            high = middle
    return low


@device
def _inverses(primes: Words, count: int, modulus: U64, tree: Doubles) -> None:
    """Write 1/p modulo an even modulus, from 0 to modulus − 1; 0 where p divides it."""
    n = np.float64(np.int64(modulus))
    inverse = 1.0 / n
    for i in range(count):
        tree[i] = reduce_mod(np.float64(np.int64(primes[i])), n, inverse)
    invert_each(tree, count, n)
    if tree[0] == 0.0:  # some p divides it
        for i in range(count):
            tree[i] = np.float64(_inverse(primes[i], modulus))
    for i in range(count):
        tree[i] = tree[i] + n if tree[i] < 0.0 else tree[i]


@device
def _inverse(p: U64, modulus: U64) -> int:
    """1/p modulo the modulus; 0 where the prime p divides it."""
    return 0 if modulus % p == ZERO else inverse_mod(integer(p % modulus), integer(modulus))


@device
def _flag(
    lows: Doubles,
    stops: Doubles,
    count: int,
    q: U64,
    modulus: U64,
    inverses: Doubles,
    flags: Flags,
) -> None:
    """Flag every p that has some t ≡ 1/p with low <= q·t < stop and t >= q, and few others."""
    least, n = np.float64(np.int64(q)), np.float64(np.int64(modulus))
    per_q, per_n = 1.0 / least, 1.0 / n
    for i in range(count):
        low = max(lows[i] * per_q, least)
        turns = (low - inverses[i]) * per_n
        t = inverses[i] + n * np.ceil(turns - _MARGIN - low * _MARGIN_RELATIVE)
        flags[i] = t < stops[i] * per_q * (1.0 + _MARGIN_RELATIVE) + 1.0


@device
def _class(
    low: U64, stop: U64, step: U64, q: U64, modulus: U64, inverse: float
) -> tuple[U64, U64, U64]:
    """The first t with q·t >= low, t >= q, t ≡ inverse (mod modulus) and q·t ≡ 1 (mod step), the
    distance from one to the next, and where they end."""
    start = max((low + q - ONE) // q, q)
    end = (stop + q - ONE) // q
    x = np.uint64(np.int64(inverse))
    t = start + (x + modulus - start % modulus) % modulus
    if t >= end:
        return end, modulus, end
    # t + k·modulus satisfies the second condition, too, for one k modulo step/common.
    residue = q % step
    lacking = (step + ONE - residue * (t % step) % step) % step
    slope = residue * (modulus % step) % step
    common, factor = _bezout(slope, step)
    if lacking % common != ZERO:
        return end, modulus, end
    turns = step // common
    k = lacking // common * factor % turns
    return t + k * modulus, turns * modulus, end


@device
def _bezout(a: U64, n: U64) -> tuple[U64, U64]:
    """The greatest common divisor g of a < n and n < 2^32, and an x < n with a·x ≡ g (mod n)."""
    modulus, x, y = n, 0, 1
    while a != ZERO:
        quotient = n // a
        n, a = a, n - quotient * a
        x, y = y, x - integer(quotient) * y
    return n, np.uint64(x) if x >= 0 else modulus - np.uint64(-x)


@device
def _test(
    queue: Words,
    waiting: int,
    total: U64,
    hits: U64,
    found: Words,
    batch: Words,
    work: Doubles,
) -> tuple[U64, U64]:
    """Test the waiting rows (p, s, t), add to the total and the hits."""
    # By index, not by unpacking: numba would forget that rows are contiguous.
    primes, cofactors, moduli = queue[0], queue[1], queue[2]
    highs, lows, residues = batch[0], batch[1], batch[2]
    moduli[waiting:] = moduli[0]
    for j in range(LANES):
        # p·s − 1 is even, so it has no borrow.
        highs[j] = umulh(primes[j], cofactors[j]) if j < waiting else ZERO
        lows[j] = primes[j] * cofactors[j] - ONE if j < waiting else ZERO
    powers_of_two(moduli, highs, lows, residues, work)
    for j in range(waiting):
        total += residues[j] * moduli[j]
        if residues[j] == ONE:
            if hits < np.uint64(len(found)):
                found[np.int64(hits), 0], found[np.int64(hits), 1] = primes[j], cofactors[j]
            hits += ONE
    return total, hits
