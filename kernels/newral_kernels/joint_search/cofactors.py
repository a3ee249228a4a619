"""Which cofactors of a progression are left to be tested, for compiled code.

Of n = p·s is asked (D/n) = e, and of each small prime q that divides s that n is what q asks of its
multiples: trial division would discard them all, and some of them are not to be discarded.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.borrowing import borrowing
from newral_kernels.jit import device
from newral_kernels.joint_search.progression import gcd, inverse_mod
from newral_kernels.joint_search.tables import Signs, Tables, Words
from newral_kernels.words import ONE, THREE, U64, ZERO, ctz64

PIECE: Final = 2**13
"""Terms that are sieved, and committed to, at a time: one byte each in the first-level cache."""

Bytes: TypeAlias = npt.NDArray[np.uint8]

SIEVED_MIN: Final = 256
"""With fewer terms, a prime is not worth preparing strikes."""

_CHUNK: Final = 16  # small primes that are tried before the first look at the outcome
_NEVER: Final = ~np.uint64(0)


class Strikes(NamedTuple):
    """Of each small prime: the first term that it divides, the distance to the next, and the first
    one and the distance among those that pass nonetheless. `_NEVER` where there is none."""

    first: Words
    period: Words
    spared: Words
    spared_period: Words


class Sieve(NamedTuple):
    """The terms of a piece that are left, and room for those that are spared."""

    flags: Bytes
    saved: Bytes


@device
def new_strikes(count: int) -> Strikes:
    """Room for `count` small primes."""
    return Strikes(
        np.empty(count, np.uint64),
        np.empty(count, np.uint64),
        np.empty(count, np.uint64),
        np.empty(count, np.uint64),
    )


@device
def new_sieve() -> Sieve:
    """Room for a piece."""
    return Sieve(np.empty(PIECE, np.uint8), np.empty(PIECE, np.uint8))


@borrowing
def collect_few(
    p: U64, first: U64, step: U64, length: np.int64, target: np.int64, tables: Tables, left: Words
) -> int:
    """Write the terms first + k·step, k < length, that are to be tested, looking at each by
    itself; return how many. `target` is the symbol (D/s)."""
    size = np.uint64(tables.symbols.size)
    rest, turn, s = first % size, step % size, first
    count = 0
    for _ in range(length):
        if tables.symbols[np.int64(rest)] == target:
            left[count] = s
            count += 1
        s += step
        rest += turn
        rest = rest - size if rest >= size else rest
    return _keep(p, left, count, tables)


@borrowing
def _keep(p: U64, left: Words, count: int, tables: Tables) -> int:
    """Move those to the front that no small prime discards; return how many."""
    small_primes = len(tables.primes)
    kept = 0
    for k in range(count):
        s = left[k]
        discarded = False
        start = 0
        while start < small_primes and not discarded:
            stop = min(start + _CHUNK, small_primes)
            divisors = ZERO
            for j in range(start, stop):
                divisors += ONE if s * tables.reciprocals[j] <= tables.quotients[j] else ZERO
            for j in range(start, stop if divisors != ZERO else start):
                if s * tables.reciprocals[j] > tables.quotients[j]:
                    continue
                modulus = tables.moduli[j]
                discarded |= modulus == ZERO or (
                    (p % modulus) * (s % modulus) % modulus != tables.residues[j]
                )
            start = stop
        left[kept] = s
        kept += 0 if discarded else 1
    return kept


@borrowing
def prepare_strikes(p: U64, first: U64, step: U64, tables: Tables, strikes: Strikes) -> None:
    """Where the small primes q divide the terms first + k·step.

    No term is divided by a q that divides the step: it divides the order of 2 or the rank of p, by
    which the terms leave 1 or −1.
    """
    for j in range(len(tables.primes)):
        q = tables.primes[j]
        reduced = step % q
        strikes.spared[j] = _NEVER
        if reduced == ZERO:
            strikes.first[j] = _NEVER
            continue
        k = (q - first % q) * np.uint64(tables.inverses[j, reduced]) % q
        strikes.first[j] = k
        strikes.period[j] = q
        modulus = tables.moduli[j]
        if modulus == ZERO:
            continue
        # Spared are those k + q·i for which p·(s + q·i·step) is the residue, s the term at k.
        p_rest, step_rest = p % modulus, step % modulus
        slope = p_rest * step_rest % modulus * q % modulus
        value = p_rest * ((first % modulus + k * step_rest) % modulus) % modulus
        wanted = (tables.residues[j] + modulus - value) % modulus
        shared = gcd(slope, modulus)
        if wanted % shared != ZERO:
            continue
        turn = modulus // shared
        if turn == ONE:
            strikes.first[j] = _NEVER
            continue
        inverse = inverse_mod(slope // shared % turn, turn)
        strikes.spared[j] = k + q * (wanted // shared % turn * inverse % turn)
        strikes.spared_period[j] = q * turn


@borrowing
def collect_piece(
    first: U64,
    step: U64,
    start: U64,
    length: np.int64,
    target: np.int64,
    tables: Tables,
    strikes: Strikes,
    sieve: Sieve,
    left: Words,
) -> int:
    """Write the terms first + (start + i)·step, i < length, that are to be tested, by sieving;
    return how many. `target` is the symbol (D/s)."""
    base = first + start * step
    _flag_symbols(base, step, target, tables.symbols, sieve.flags[:length])
    words = (length + 7) >> 3
    sieve.flags[length : words << 3] = 0
    _strike(start, length, strikes, sieve)
    flags = sieve.flags.view(np.uint64)
    count = 0
    for j in range(words):
        word = flags[j]
        while word != ZERO:
            term = (np.uint64(j) << THREE) + (ctz64(word) >> THREE)
            word &= word - ONE
            left[count] = base + term * step
            count += 1
    return count


@borrowing
def _strike(start: U64, length: np.int64, strikes: Strikes, sieve: Sieve) -> None:
    """Unflag what the small primes discard."""
    flags, saved = sieve.flags, sieve.saved
    for j in range(len(strikes.first)):
        if strikes.first[j] == _NEVER:
            continue
        period = np.int64(strikes.period[j])
        i = _next(strikes.first[j], strikes.period[j], start)
        if strikes.spared[j] == _NEVER:
            for x in range(i, length, period):
                flags[x] = 0
            continue
        again = _next(strikes.spared[j], strikes.spared_period[j], start)
        spared_period = np.int64(strikes.spared_period[j])
        for x in range(again, length, spared_period):
            saved[x] = flags[x]
        for x in range(i, length, period):
            flags[x] = 0
        for x in range(again, length, spared_period):
            flags[x] = saved[x]


@borrowing
def _next(place: U64, period: U64, start: U64) -> np.int64:
    """The least i >= 0 with start + i ≡ place (mod period), for place < period."""
    rest = start % period
    return np.int64(place - rest if place >= rest else place + period - rest)


@borrowing
def _flag_symbols(s: U64, step: U64, target: np.int64, symbols: Signs, flags: Bytes) -> None:
    """Flag each i with (D/(s + i·step)) = target."""
    modulus = np.uint64(symbols.size)
    rest, turn = s % modulus, step % modulus
    size = min(symbols.size, flags.size)
    for i in range(size):
        flags[i] = symbols[np.int64(rest)] == target
        rest += turn
        rest = rest - modulus if rest >= modulus else rest
    # Repeated by copying ever longer pieces, which do not overlap: several at a time.
    while size < flags.size:
        more = min(size, flags.size - size)
        behind = flags[size:]
        for i in range(more):
            behind[i] = flags[i]
        size += more
