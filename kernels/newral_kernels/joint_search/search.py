"""The search of the progressions of some primes, in compiled code."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.jit import compiled, device
from newral_kernels.joint_search.cofactors import (
    PIECE,
    Sieve,
    Strikes,
    is_left,
    new_sieve,
    new_strikes,
    prepare_strikes,
    sieve_piece,
)
from newral_kernels.joint_search.fermat import LANES, Workspace, fermat_residues, workspace
from newral_kernels.joint_search.progression import count_terms, progression
from newral_kernels.joint_search.tables import Tables
from newral_kernels.words import HALF_BITS, ONE, THREE, U64, ZERO, ctz64, div_rem_128

Words: TypeAlias = npt.NDArray[np.uint64]
Signs: TypeAlias = npt.NDArray[np.int8]

_SIEVED_MIN: Final = np.uint64(1500)  # with fewer terms, a prime is not worth preparing strikes
_PIECE: Final = np.uint64(PIECE)


class Queue(NamedTuple):
    """Terms that wait to be tested, up to a batch: their primes, cofactors and parts; in `counts`
    how many wait, and how many have passed."""

    primes: Words
    cofactors: Words
    parts: Words
    counts: npt.NDArray[np.int64]


class Outcome(NamedTuple):
    """Of each wanted part the sum that is committed to and the number tested; the candidates, and
    those that were left out; rows (p, s) of what passed, as many as fit."""

    sums: Words
    tested: Words
    totals: Words
    found: npt.NDArray[np.uint64]


@compiled(
    "int64(uint64[::1], uint64[::1], uint64[::1], int8[::1], int64, uint64, uint64, uint64, "
    "uint64, uint64, uint64, uint64, "
    "int8[::1], uint64[::1], uint64[::1], uint64[::1], uint64[::1], uint64[::1], uint16[:, ::1], "
    "uint64[::1], uint64[::1], uint64[::1], uint64[:, ::1])"
)
def search(
    primes: Words,
    orders: Words,
    ranks: Words,
    symbols: Signs,
    sign: int,
    bound_high: U64,
    bound_low: U64,
    most: U64,
    low: U64,
    high: U64,
    parts: U64,
    wanted: U64,
    symbols_mod_d: Signs,
    small_primes: Words,
    moduli: Words,
    residues: Words,
    reciprocals: Words,
    quotients: Words,
    inverses: npt.NDArray[np.uint16],
    sums: Words,
    tested: Words,
    totals: Words,
    found: npt.NDArray[np.uint64],
) -> int:
    """Test the terms of each prime's progression up to the bound, given in two words; return how
    many passed.

    Of a progression the pieces low <= i < high are gone through; none when it has more than `most`
    terms. Piece i of p belongs to part (i + (p − 1)/2) mod `parts`; the wanted ones are the
    len(sums) parts from `wanted` on. Orders, ranks and symbols as from `fill_ranks`; the tables
    are those of `Tables`.
    """
    tables = Tables(symbols_mod_d, small_primes, moduli, residues, reciprocals, quotients, inverses)
    outcome = Outcome(sums, tested, totals, found)
    queue = Queue(
        np.empty(LANES, np.uint64),
        np.empty(LANES, np.uint64),
        np.empty(LANES, np.uint64),
        np.zeros(2, np.int64),
    )
    work, strikes, sieve = workspace(), new_strikes(len(small_primes)), new_sieve()
    for k in range(len(primes)):
        p = primes[k]
        part = (p >> ONE) % parts
        is_first_wanted = part - wanted < np.uint64(len(sums))
        if is_first_wanted and low == ZERO:
            sums[part - wanted] += p * ((orders[k] << HALF_BITS) + ranks[k])
        if ranks[k] == ZERO:
            continue
        target = sign * symbols[k]
        first, step = progression(orders[k], ranks[k], target)
        terms = count_terms(first, step, div_rem_128(bound_high, bound_low, p)[0])
        if terms > most:
            totals[1] += terms if is_first_wanted else ZERO
            continue
        _search_pieces(
            p, first, step, terms, target, low, high, parts, wanted,
            tables, outcome, queue, work, strikes, sieve,
        )
    _flush(outcome, queue, work)
    return queue.counts[1]


@device
def _search_pieces(
    p: U64,
    first: U64,
    step: U64,
    terms: U64,
    target: int,
    low: U64,
    high: U64,
    parts: U64,
    wanted: U64,
    tables: Tables,
    outcome: Outcome,
    queue: Queue,
    work: Workspace,
    strikes: Strikes,
    sieve: Sieve,
) -> None:
    """Test what is left of the wanted pieces of one progression."""
    prepared = False
    part = ((p >> ONE) + low) % parts
    stop = min(high, terms // _PIECE + ONE)
    for i in range(low, stop):
        index = part - wanted
        part = part + ONE if part + ONE < parts else ZERO
        if index >= np.uint64(len(outcome.sums)):
            continue
        start = np.uint64(i) * _PIECE
        length = np.int64(min(_PIECE, terms - start))
        outcome.totals[0] += np.uint64(length)
        if terms < _SIEVED_MIN:
            _try_each(p, first, step, length, target, index, tables, outcome, queue, work)
            continue
        if not prepared:
            prepare_strikes(p, first, step, tables, strikes)
            prepared = True
        sieve_piece(first, step, start, length, target, tables, strikes, sieve)
        flags = sieve.flags.view(np.uint64)
        s = first + start * step
        for j in range(len(flags)):
            word = flags[j]
            while word != ZERO:
                term = (np.uint64(j) << THREE) + (ctz64(word) >> THREE)
                word &= word - ONE
                _enqueue(p, s + term * step, index, outcome, queue, work)


@device
def _try_each(
    p: U64,
    first: U64,
    step: U64,
    length: int,
    target: int,
    index: U64,
    tables: Tables,
    outcome: Outcome,
    queue: Queue,
    work: Workspace,
) -> None:
    """Test what is left of the few terms of a progression."""
    size = np.uint64(tables.symbols.size)
    rest, turn, s = first % size, step % size, first
    for _ in range(length):
        if tables.symbols[np.int64(rest)] == target and is_left(p, s, tables):
            _enqueue(p, s, index, outcome, queue, work)
        s += step
        rest += turn
        rest = rest - size if rest >= size else rest


@device
def _enqueue(p: U64, s: U64, index: U64, outcome: Outcome, queue: Queue, work: Workspace) -> None:
    waiting = queue.counts[0]
    queue.primes[waiting], queue.cofactors[waiting], queue.parts[waiting] = p, s, index
    queue.counts[0] = waiting + 1
    if waiting + 1 == LANES:
        _flush(outcome, queue, work)


@device
def _flush(outcome: Outcome, queue: Queue, work: Workspace) -> None:
    """Test what waits: to each part's sum is added n·r modulo 2^64, where r = 2^(n−1) mod s."""
    waiting = queue.counts[0]
    if waiting == 0:
        return
    fermat_residues(queue.primes, queue.cofactors, waiting, work)
    for j in range(waiting):
        p, s, index, residue = (
            queue.primes[j],
            queue.cofactors[j],
            queue.parts[j],
            work.residues[j],
        )
        outcome.sums[index] += p * s * residue
        outcome.tested[index] += ONE
        if residue == ONE:
            passed = queue.counts[1]
            if passed < len(outcome.found):
                outcome.found[passed, 0], outcome.found[passed, 1] = p, s
            queue.counts[1] = passed + 1
    queue.counts[0] = 0
