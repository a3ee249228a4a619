"""The Baillie-PSW test on every odd number of a short range, with a digest of all that was done."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from newral_kernels.primality import (
    is_bpsw_probable_prime,
    is_strong_probable_prime,
    strong_lucas_residues,
    strong_lucas_residues_pass,
    strong_residue,
    strong_residue_passes,
)
from newral_kernels.sieve import odd_flags, primes_below

FILTER_BELOW: Final = 4096  # trial division by the primes below it removes 7 of 8 odd numbers
FILTER_PRIMES: Final = primes_below(FILTER_BELOW)
RESIDUE_BYTES: Final = 16  # holds a residue modulo any n < 2^128
BLOCK_DIGEST_BYTES: Final = 16  # finding another input for a given digest costs 2^128 hashes

# Strong tests to these bases follow where BPSW passed. A composite passes each with a chance of at
# most 1/4 (Rabin 1980), and in practice far less; bases chosen in advance are no proof.
WITNESS_BASES: Final = (3, 5, 7, 11)


@dataclass(frozen=True, slots=True)
class Block:
    """What the odd numbers of one block turned out to be.

    `filtered`: with a prime factor below `FILTER_BELOW`. `probable_primes`: passed everything.
    `psp2`: strong pseudoprimes to base 2, which the Lucas test refuted. `hits`: passed BPSW, with
    the base whose strong test refuted them. All the rest is composite by the strong test to base 2.
    `digest`: hexadecimal, over the residues of all tests in order (`BLOCK_DIGEST_BYTES`).
    """

    filtered: int
    probable_primes: int
    psp2: tuple[int, ...]
    hits: tuple[tuple[int, int], ...]
    digest: str


def examine(start: int, stop: int) -> Block:
    """Test every odd number of [start, stop), where 13 <= start and stop <= 2^128.

    The digest is SHA-256, truncated, over residues of 16 bytes, big-endian. Each number that passes
    the filter adds 2^d mod n, where n − 1 = d·2^s with d odd; if it passes that test, U_d' and V_d'
    mod n, where n + 1 = d'·2^s' (both zero where no Lucas parameters exist); if it passes that too,
    a^d mod n for the witness bases a up to the first that refutes it.
    """
    hasher = hashlib.sha256()
    passed_filter = probable_primes = 0
    psp2: list[int] = []
    hits: list[tuple[int, int]] = []

    def commit(residue: int) -> None:
        hasher.update(int(residue).to_bytes(RESIDUE_BYTES, "big"))

    for n in _unfiltered(start, stop):
        passed_filter += 1
        residue = strong_residue(n, 2)
        commit(residue)
        if not strong_residue_passes(n, residue):
            continue
        lucas = strong_lucas_residues(n)
        commit(lucas.u if lucas else 0)
        commit(lucas.v if lucas else 0)
        if lucas is None or not strong_lucas_residues_pass(n, lucas):
            psp2.append(n)
            continue
        for base in WITNESS_BASES:
            residue = strong_residue(n, base)
            commit(residue)
            if not strong_residue_passes(n, residue):
                hits.append((n, base))
                break
        else:
            probable_primes += 1
    return Block(
        filtered=odd_numbers(start, stop) - passed_filter,
        probable_primes=probable_primes,
        psp2=tuple(psp2),
        hits=tuple(hits),
        digest=hasher.digest()[:BLOCK_DIGEST_BYTES].hex(),
    )


def odd_numbers(start: int, stop: int) -> int:
    """How many odd numbers [start, stop) holds."""
    return stop // 2 - start // 2


def is_psp2(n: int) -> bool:
    """Whether `examine` has to list n under `psp2`: cheap enough to check each claim."""
    return is_strong_probable_prime(n, 2) and not is_bpsw_probable_prime(n)


def is_hit(n: int, witness: int) -> bool:
    """Whether `examine` has to list n under `hits` with this witness."""
    refuting = (base for base in WITNESS_BASES if not is_strong_probable_prime(n, base))
    return is_bpsw_probable_prime(n) and next(refuting, None) == witness


def _unfiltered(start: int, stop: int) -> Iterator[int]:
    """The odd numbers of [start, stop) without a prime factor below `FILTER_BELOW`."""
    first = start | 1
    flags = odd_flags(first, stop, FILTER_PRIMES)
    index = flags.find(1)
    while index >= 0:
        yield first + 2 * index
        index = flags.find(1, index + 1)
