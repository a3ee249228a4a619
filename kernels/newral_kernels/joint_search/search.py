"""The search of the progressions of some primes, in compiled code."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.borrowing import borrowing
from newral_kernels.jit import compiled
from newral_kernels.joint_search.cofactors import (
    PIECE,
    SIEVED_MIN,
    Sieve,
    Strikes,
    collect_few,
    collect_piece,
    new_sieve,
    new_strikes,
    prepare_strikes,
)
from newral_kernels.joint_search.fermat import LANES, Workspace, fermat_residues, workspace
from newral_kernels.joint_search.tables import Tables
from newral_kernels.words import ONE, U64, ZERO

Words: TypeAlias = npt.NDArray[np.uint64]
Signs: TypeAlias = npt.NDArray[np.int8]

_SIEVED_MIN: Final = np.uint64(SIEVED_MIN)
_PIECE: Final = np.uint64(PIECE)


class Queue(NamedTuple):
    """Terms that wait to be tested, their primes, cofactors and parts: less than a batch, and a
    piece. In `counts` how many wait, and how many have passed."""

    primes: Words
    cofactors: Words
    parts: Words
    counts: npt.NDArray[np.int64]


class Outcome(NamedTuple):
    """Of each wanted part the sum that is committed to and the number tested; of all the number of
    candidates; rows (p, s) of what passed, as many as fit."""

    sums: Words
    tested: Words
    candidates: Words
    found: npt.NDArray[np.uint64]


@compiled(
    "int64(uint64[::1], uint64[::1], uint64[::1], uint64[::1], int8[::1], "
    "uint64, uint64, uint64, uint64, "
    "int8[::1], uint64[::1], uint64[::1], uint64[::1], uint64[::1], uint64[::1], uint16[:, ::1], "
    "uint64[::1], uint64[::1], uint64[::1], uint64[:, ::1])"
)
def search(
    primes: Words,
    firsts: Words,
    steps: Words,
    terms: Words,
    targets: Signs,
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
    candidates: Words,
    found: npt.NDArray[np.uint64],
) -> int:
    """Test the terms of each prime's progression; return how many passed.

    Of a progression the pieces low <= i < high are gone through. Piece i of p belongs to part
    (i + (p − 1)/2) mod `parts`; the wanted ones are the len(sums) parts from `wanted` on. Targets
    are the symbols (D/s) that are asked for; the tables are those of `Tables`.
    """
    tables = Tables(symbols_mod_d, small_primes, moduli, residues, reciprocals, quotients, inverses)
    outcome = Outcome(sums, tested, candidates, found)
    queue = Queue(
        np.empty(LANES + PIECE, np.uint64),
        np.empty(LANES + PIECE, np.uint64),
        np.empty(LANES + PIECE, np.uint64),
        np.zeros(2, np.int64),
    )
    work, strikes, sieve = workspace(), new_strikes(len(small_primes)), new_sieve()
    for k in range(len(primes)):
        _search_pieces(
            primes[k],
            firsts[k],
            steps[k],
            terms[k],
            np.int64(targets[k]),
            low,
            high,
            parts,
            wanted,
            tables,
            outcome,
            queue,
            work,
            strikes,
            sieve,
        )
    _flush(1, outcome, queue, work)
    return int(queue.counts[1])


@borrowing
def _search_pieces(
    p: U64,
    first: U64,
    step: U64,
    terms: U64,
    target: np.int64,
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
    stop = min(high, (terms + _PIECE - ONE) // _PIECE)
    for i in range(low, stop):
        index = part - wanted
        part = part + ONE if part + ONE < parts else ZERO
        if index >= np.uint64(len(outcome.sums)):
            continue
        start = np.uint64(i) * _PIECE
        length = np.int64(min(_PIECE, terms - start))
        outcome.candidates[0] += np.uint64(length)
        waiting = queue.counts[0]
        left = queue.cofactors[waiting:]
        if terms < _SIEVED_MIN:
            count = collect_few(p, first, step, length, target, tables, left)
        else:
            if not prepared:
                prepare_strikes(p, first, step, tables, strikes)
                prepared = True
            count = collect_piece(first, step, start, length, target, tables, strikes, sieve, left)
        queue.primes[waiting : waiting + count] = p
        queue.parts[waiting : waiting + count] = index
        queue.counts[0] = waiting + count
        if waiting + count >= LANES:
            _flush(LANES, outcome, queue, work)


@borrowing
def _flush(least: int, outcome: Outcome, queue: Queue, work: Workspace) -> None:
    """Test what waits, a batch at a time, while at least so many wait.

    To the sum of a term's part is added n·r modulo 2^64, where r = 2^(n−1) mod s.
    """
    primes, cofactors, parts = queue.primes, queue.cofactors, queue.parts
    waiting, passed, done = queue.counts[0], queue.counts[1], 0
    while waiting - done >= least:
        count = min(LANES, waiting - done)
        fermat_residues(primes[done:], cofactors[done:], count, work)
        for j in range(count):
            p, s, index = primes[done + j], cofactors[done + j], parts[done + j]
            residue = work.residues[j]
            outcome.sums[index] += p * s * residue
            outcome.tested[index] += ONE
            if residue == ONE:
                if passed < len(outcome.found):
                    outcome.found[passed, 0], outcome.found[passed, 1] = p, s
                passed += 1
        done += count
    for j in range(done, waiting):
        primes[j - done], cofactors[j - done], parts[j - done] = primes[j], cofactors[j], parts[j]
    queue.counts[0], queue.counts[1] = waiting - done, passed
