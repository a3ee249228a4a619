"""The inner loops of the search for base-2 pseudoprimes: progressions, sieved and tested."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np

from newral_kernels.float_residues import Doubles, integer, inverse_mod
from newral_kernels.jit import compiled, device
from newral_kernels.orders import sieving_primes
from newral_kernels.powers import LANES, Words, powers_of_two
from newral_kernels.psp2_domain import SIEVE_STOP
from newral_kernels.words import ONE, U64, ZERO, ctz64, div_rem_128, umulh

TERMS_PER_PRIME: Final = 8  # a prime of the sieve is worth its start only below count/8
BLOCK_TERMS: Final = 2**18  # one bit each: 32 KiB, the first-level cache

_MASK_STOP: Final = 64  # smaller primes strike each word; their masks are made beforehand
_TERMS_PER_PRIME: Final = np.uint64(TERMS_PER_PRIME)
_BLOCK_TERMS: Final = np.uint64(BLOCK_TERMS)
_SIX: Final = np.uint64(6)
_LAST_BIT: Final = np.uint64(63)


@device
def first_term(low: U64, step: U64) -> U64:
    """The least s >= low with s ≡ 1 (mod step); low >= 1."""
    above = (low - ONE) % step
    return low if above == ZERO else low + (step - above)


@compiled(
    "void(uint64[::1], uint64[::1], uint64, uint64, uint64, uint64, uint64[::1], uint64[::1], "
    "uint64[::1])"
)
def fill_progressions(
    primes: Words,
    orders: Words,
    start_high: U64,
    start_low: U64,
    stop_high: U64,
    stop_low: U64,
    firsts: Words,
    steps: Words,
    counts: Words,
) -> None:
    """For each p the odd s >= p with start <= p·s < stop and s ≡ 1 modulo the order of 2: the
    first of them, the step from one to the next, and how many they are.

    start and stop are given less 1 each, in two words, of which the high one is below every p.
    """
    for i in range(len(primes)):
        p, order = primes[i], orders[i]
        step = order << (order & ONE)
        # ⌊(x − 1)/p⌋ + 1 = ⌈x/p⌉
        low = max(div_rem_128(start_high, start_low, p)[0] + ONE, p)
        stop = div_rem_128(stop_high, stop_low, p)[0] + ONE
        first = first_term(low, step)
        firsts[i], steps[i] = first, step
        counts[i] = (stop - first + step - ONE) // step if first < stop else ZERO


@compiled(
    "UniTuple(uint64, 3)(uint64[::1], uint64[::1], uint64[::1], uint64[::1], uint64, uint64[::1], "
    "uint64[:, ::1], uint64[:, ::1])"
)
def scan(
    primes: Words,
    firsts: Words,
    steps: Words,
    counts: Words,
    full_below: U64,
    sieving: Words,
    masks: Words,
    found: Words,
) -> tuple[U64, U64, U64]:
    """Test the terms of some progressions: whether 2^e ≡ 1 (mod s), for e = p − 1, or p·s − 1
    where p < full_below.

    Returns how many were tested, the sum of the (2^e mod s)·s modulo 2^64 over them, and how many
    passed, of which as many as fit are written to `found` as rows (p, s).
    """
    bits = np.empty(BLOCK_TERMS // 64, np.uint64)
    places = np.empty(len(sieving), np.uint64)
    queue, batch = np.empty((2, LANES), np.uint64), np.empty((3, LANES), np.uint64)
    work = np.empty((3, LANES), np.float64)
    waiting = 0
    tested = total = hits = ZERO
    for i in range(len(primes)):
        p, first, step, count = primes[i], firsts[i], steps[i], counts[i]
        used = _places(first, step, min(p, count // _TERMS_PER_PRIME), sieving, places)
        done = ZERO
        while done < count:
            length = min(count - done, _BLOCK_TERMS)
            _sieve(bits, length, sieving[:used], places, masks)
            for j in range(np.int64((length + _LAST_BIT) >> _SIX)):
                word = ~bits[j]
                while word != ZERO:
                    term = (np.uint64(j) << _SIX) + ctz64(word)
                    word &= word - ONE
                    queue[0, waiting], queue[1, waiting] = p, first + (done + term) * step
                    waiting += 1
                    if waiting == LANES:
                        total, hits = _test(
                            queue, waiting, full_below, total, hits, found, batch, work
                        )
                        tested += np.uint64(LANES)
                        waiting = 0
            done += length
    if waiting > 0:
        total, hits = _test(queue, waiting, full_below, total, hits, found, batch, work)
    return tested + np.uint64(waiting), total, hits


@device
def _places(first: U64, step: U64, stop: U64, sieving: Words, places: Words) -> int:
    """For each prime q < stop the first term, counted from 0, that it divides, 2^64 − 1 where it
    divides none; returns how many primes those are."""
    used = 0
    for q in sieving:
        if q >= stop:
            break
        inverse = np.uint64(inverse_mod(integer(step % q), integer(q)))
        places[used] = (q - first % q) * inverse % q if inverse != ZERO else ~ZERO
        used += 1
    return used


@device
def _sieve(bits: Words, length: U64, sieving: Words, places: Words, masks: Words) -> None:
    """Set the bits of the next `length` terms that a prime divides, and those beyond; move the
    places on to the terms that follow."""
    words = np.int64((length + _LAST_BIT) >> _SIX)
    bits[:words] = ZERO
    for i in range(len(sieving)):
        q, place = sieving[i], places[i]
        if place == ~ZERO:
            continue
        if q < np.uint64(_MASK_STOP):
            turn = np.uint64(64) % q
            phase = place
            for j in range(words):
                bits[j] |= masks[i, np.int64(phase)]
                phase = phase - turn if phase >= turn else phase + q - turn
            places[i] = (place + q - length % q) % q
        else:
            while place < length:
                bits[np.int64(place >> _SIX)] |= ONE << (place & _LAST_BIT)
                place += q
            places[i] = place - length
    if length & _LAST_BIT:
        bits[words - 1] |= ~ZERO << (length & _LAST_BIT)


@device
def _test(
    queue: Words,
    waiting: int,
    full_below: U64,
    total: U64,
    hits: U64,
    found: Words,
    batch: Words,
    work: Doubles,
) -> tuple[U64, U64]:
    """Test the waiting pairs (p, s), add to the total and the hits."""
    # By index, not by unpacking: numba would forget that rows are contiguous.
    primes, terms = queue[0], queue[1]
    highs, lows, residues = batch[0], batch[1], batch[2]
    primes[waiting:], terms[waiting:] = primes[0], terms[0]
    for j in range(LANES):
        p, s = primes[j], terms[j]
        full = p < full_below
        # p·s − 1 is even, so it has no borrow.
        highs[j] = umulh(p, s) if full else ZERO
        lows[j] = (p * s if full else p) - ONE
    powers_of_two(terms, highs, lows, residues, work)
    for j in range(waiting):
        total += residues[j] * terms[j]
        if residues[j] == ONE:
            if hits < np.uint64(len(found)):
                found[np.int64(hits), 0], found[np.int64(hits), 1] = primes[j], terms[j]
            hits += ONE
    return total, hits


@functools.cache
def scan_tables() -> tuple[Words, Words]:
    """The primes of the sieve, and for each prime q < 64 of them and each phase r < q a word with
    the bits b ≡ r (mod q) set."""
    sieving = sieving_primes()
    sieving = sieving[sieving < SIEVE_STOP]
    masks = np.zeros((np.count_nonzero(sieving < _MASK_STOP), _MASK_STOP), np.uint64)
    for i in range(len(masks)):
        q = int(sieving[i])
        for phase in range(q):
            masks[i, phase] = sum(1 << b for b in range(phase, 64, q))
    return sieving, masks
