"""Ranks of apparition in Lucas sequences of the primes of a range, for compiled code.

The sequences are those of P = 1 and Q = (1 − D)/4: U_0 = 0, U_1 = 1, U_(k+1) = U_k − Q·U_(k−1). For
a prime p that does not divide 2QD, the rank of p is the least w > 0 with p | U_w; it divides
p − (D/p), and p | U_k exactly for its multiples k (E. Lucas, 1878; R. D. Carmichael, 1913).

With the roots a, b of x² − x + Q, p | U_k means (a/b)^k = 1. That is V_k ≡ 2 (mod p) in the
sequence V_0 = 2, V_1 = t, V_(k+1) = t·V_k − V_(k−1), where t = a/b + b/a = 1/Q − 2: two
multiplications for each bit of k. Those of many primes are done in lock-step, so that the compiler
can compute several in one vector instruction.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.jit import compiled, device
from newral_kernels.orders import SEGMENT_WIDTH
from newral_kernels.words import (
    HALF_BITS,
    HALF_MASK,
    ONE,
    TWO,
    U64,
    WORD_BITS,
    ZERO,
    clz64,
    inverse_word,
)

RANK_PRIME_MAX: Final = 2**32
"""Products of two residues have to fit into a word."""

INADMISSIBLE: Final = np.uint64(0)
"""Instead of a rank."""

Words: TypeAlias = npt.NDArray[np.uint64]
Signs: TypeAlias = npt.NDArray[np.int8]

_LANES: Final = 64
# At most 2^17 odd numbers of a segment, 12 primes in p ± 1, and primes are far fewer than numbers.
_TESTS_MAX: Final = SEGMENT_WIDTH
_NONE: Final = np.int32(-1)
_TOP_BIT: Final = np.uint64(63)


@compiled(
    "void(int64, int64, int64, int64, int8[::1], uint64[::1], uint64[::1], uint64[::1], "
    "uint64[::1], int8[::1])"
)
def fill_ranks(
    low: int,
    high: int,
    q_parameter: int,
    sign: int,
    symbols_mod_d: Signs,
    sieving: Words,
    primes: Words,
    orders: Words,
    ranks: Words,
    symbols: Signs,
) -> None:
    """For the odd primes low <= p < high <= 2^32, all of them, ascending: the symbols (D/p) and the
    ranks; `INADMISSIBLE` where p | 2QD, or no n has both n ≡ 1 modulo the order of 2 and n ≡ sign
    modulo the rank.

    `symbols_mod_d[i]` is the Jacobi symbol (i/|D|), with |D| values; `sieving` holds all odd primes
    up to √(high + 1); `orders` are the orders of 2.
    """
    places = np.empty(SEGMENT_WIDTH // 2, np.int32)
    rests = np.empty(SEGMENT_WIDTH // 2, np.uint64)
    indices = np.empty(_TESTS_MAX, np.int32)
    divisors = np.empty(_TESTS_MAX, np.uint64)
    exponents = np.empty(_TESTS_MAX, np.uint64)
    traces = np.empty(SEGMENT_WIDTH // 2, np.uint64)
    done = 0
    for start in range(max(low, 3) | 1, high, SEGMENT_WIDTH):
        length = (min(start + SEGMENT_WIDTH, high) - start + 1) // 2
        end = done
        while end < len(primes) and np.int64(primes[end]) < start + 2 * length:
            end += 1
        part = primes[done:end]
        _begin(part, q_parameter, symbols_mod_d, symbols[done:end], traces)
        _decide(part, orders[done:end], sign, symbols[done:end], traces, ranks[done:end])
        places[:length] = _NONE
        for k in range(len(part)):
            rests[k] = _multiple(part[k], symbols[done + k]) if ranks[done + k] == ONE else ZERO
            if rests[k] != ZERO:
                places[(np.int64(part[k]) - start) >> 1] = k
        count = _gather(
            start, length, sieving, places, part, symbols[done:end], rests, indices, divisors
        )
        for t in range(count):
            k = indices[t]
            ranks[done + k] = _multiple(part[k], symbols[done + k])
            exponents[t] = ranks[done + k] // divisors[t]
        while count > 0:
            count = _run_tests(count, part, traces, ranks[done:end], indices, divisors, exponents)
        done = end


@device
def _multiple(p: U64, symbol: np.int8) -> U64:
    """p − (D/p), which the rank divides."""
    return p - ONE if symbol > 0 else p + ONE


@device
def _begin(
    primes: Words, q_parameter: int, symbols_mod_d: Signs, symbols: Signs, traces: Words
) -> None:
    """Write the symbols (D/p), 0 where p | 2QD, and the traces t = 1/Q − 2 modulo p."""
    q_size = abs(q_parameter)
    d_size = np.uint64(symbols_mod_d.size)
    for k in range(len(primes)):
        p = primes[k]
        # D ≡ 1 (mod 4), so that (D/p) = (p/|D|): quadratic reciprocity.
        symbols[k] = symbols_mod_d[np.int64(p % d_size)]
        if np.uint64(q_size) % p == ZERO:
            symbols[k] = 0
        if symbols[k] == 0:
            continue
        # p·j + 1 ≡ 0 (mod |Q|) gives 1/|Q| ≡ (p·j + 1)/|Q|.
        inverse = ONE
        while inverse % np.uint64(q_size) != ZERO:
            inverse += p
        inverse = (inverse // np.uint64(q_size)) % p
        if q_parameter < 0:
            inverse = p - inverse
        traces[k] = (inverse + p - TWO) % p


@device
def _decide(
    primes: Words, orders: Words, sign: int, symbols: Signs, traces: Words, ranks: Words
) -> None:
    """Write the ranks that are known at once, and 1 where the rank has to be computed.

    A class exists when g = gcd(order, rank) divides 1 − sign. For sign = −1 that is g | 2. It
    holds where (D/p) = −1, since order and rank divide p − 1 and p + 1. Where (D/p) = 1, both
    divide p − 1, so that g | 2 makes order·rank divide 2·(p − 1): nearly always refuted at once.
    """
    for k in range(len(primes)):
        p = primes[k]
        if symbols[k] == 0:
            ranks[k] = INADMISSIBLE
        elif sign > 0 or symbols[k] < 0:
            ranks[k] = ONE
        else:
            bound = TWO * ((p - ONE) // orders[k])
            rank = INADMISSIBLE
            if _is_multiple(bound, p, traces[k]):
                rank = _least_divisor(bound, p, traces[k])
                if _gcd(orders[k], rank) > TWO:
                    rank = INADMISSIBLE
            ranks[k] = rank


@device
def _is_multiple(k: U64, p: U64, trace: U64) -> bool:
    """Whether V_k ≡ 2 (mod p), for p < 2^32."""
    v, w = TWO % p, trace
    bit = ONE << (_TOP_BIT - clz64(k))
    while bit > ZERO:
        x = (v * w + p - trace) % p
        if k & bit:
            v, w = x, (w * w + p - TWO) % p
        else:
            v, w = (v * v + p - TWO) % p, x
        bit >>= ONE
    return bool(v == TWO)


@device
def _least_divisor(multiple: U64, p: U64, trace: U64) -> U64:
    """The rank, from a multiple of it, by trial division."""
    rank, rest, q = multiple, multiple, TWO
    while rest > ONE:
        if q * q > rest:
            q = rest
        if rest % q != ZERO:
            q += ONE
            continue
        while rest % q == ZERO:
            rest //= q
            if rank % q == ZERO and _is_multiple(rank // q, p, trace):
                rank //= q
    return rank


@device
def _gcd(a: U64, b: U64) -> U64:
    while b != ZERO:
        a, b = b, a % b
    return a


@device
def _gather(
    start: int,
    length: int,
    sieving: Words,
    places: npt.NDArray[np.int32],
    primes: Words,
    symbols: Signs,
    rests: Words,
    indices: npt.NDArray[np.int32],
    divisors: Words,
) -> int:
    """List the pairs of a prime p, by its index, and a prime q that divides p − (D/p)."""
    count = 0
    for k in range(len(primes)):
        if rests[k] != ZERO:
            while rests[k] & ONE == ZERO:
                rests[k] >>= ONE
            indices[count], divisors[count] = k, TWO
            count += 1
    largest = np.int64(primes[-1]) + 1 if len(primes) else 0
    for q in sieving:
        step = np.int64(q)
        if step * step > largest:
            break
        for symbol in (-1, 1):
            # The odd p with q | p − symbol.
            for i in range(((symbol - start) * ((step + 1) // 2)) % step, length, step):
                k = places[i]
                if k < 0 or symbols[k] != symbol:
                    continue
                while rests[k] % q == ZERO:
                    rests[k] //= q
                indices[count], divisors[count] = k, q
                count += 1
    for k in range(len(primes)):
        if rests[k] > ONE:  # a prime: it has no factor up to its root
            indices[count], divisors[count] = k, rests[k]
            count += 1
    return count


@device
def _run_tests(
    count: int,
    primes: Words,
    traces: Words,
    ranks: Words,
    indices: npt.NDArray[np.int32],
    divisors: Words,
    exponents: Words,
) -> int:
    """Wherever V_exponent ≡ 2, take the divisor from the rank; keep the tests that follow."""
    p, inverse, trace = np.empty((3, _LANES), np.uint64)
    two, v, w, e = np.empty((4, _LANES), np.uint64)
    kept = 0
    for first in range(0, count, _LANES):
        lanes = min(_LANES, count - first)
        top = ZERO
        for j in range(_LANES):
            t = first + min(j, lanes - 1)
            p[j], e[j] = primes[indices[t]], exponents[t]
            inverse[j] = inverse_word(p[j]) & HALF_MASK
            one = (HALF_MASK + ONE) % p[j]
            two[j] = (one + one) % p[j]
            trace[j] = traces[indices[t]] * one % p[j]
            v[j], w[j] = two[j], trace[j]
            top |= e[j]
        _ladder(top, p, inverse, trace, two, v, w, e)
        for j in range(lanes):
            if v[j] != two[j]:
                continue
            t = first + j
            k, q, exponent = indices[t], divisors[t], exponents[t]
            ranks[k] //= q
            if exponent % q == ZERO:
                indices[kept], divisors[kept], exponents[kept] = k, q, exponent // q
                kept += 1
    return kept


@device
def _ladder(
    top: U64,
    p: Words,
    inverse: Words,
    trace: Words,
    two: Words,
    v: Words,
    w: Words,
    e: Words,
) -> None:
    """From V_0, V_1 to V_e, V_(e+1) in each lane; residues in Montgomery form with 2^32."""
    bit = WORD_BITS - clz64(top)
    while bit > ZERO:
        bit -= ONE
        for j in range(_LANES):
            n = p[j]
            mask = ZERO - ((e[j] >> bit) & ONE)
            chosen = v[j] ^ ((v[j] ^ w[j]) & mask)
            mixed = _less(_reduce(v[j] * w[j], n, inverse[j]), trace[j], n)
            square = _less(_reduce(chosen * chosen, n, inverse[j]), two[j], n)
            exchange = (mixed ^ square) & mask
            v[j] = square ^ exchange
            w[j] = mixed ^ exchange


@device
def _reduce(x: U64, p: U64, inverse: U64) -> U64:
    """x/2^32 modulo p, below p, for x < p·2^32 and inverse = 1/p modulo 2^32."""
    taken = (((x & HALF_MASK) * inverse & HALF_MASK) * p) >> HALF_BITS
    return _less(x >> HALF_BITS, taken, p)


@device
def _less(a: U64, b: U64, p: U64) -> U64:
    """a − b modulo p, for a, b < p < 2^63: what wraps around is the larger one."""
    difference = a - b
    return min(difference, difference + p)
