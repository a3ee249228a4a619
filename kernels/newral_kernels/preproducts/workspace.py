"""What the compiled search works on: a preproduct, scratch memory, and what it found."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.float_residues import Doubles
from newral_kernels.jit import device

Integers: TypeAlias = npt.NDArray[Any]
Integers2: TypeAlias = npt.NDArray[Any]
Primes: TypeAlias = npt.NDArray[Any]
Bytes: TypeAlias = npt.NDArray[Any]
Words: TypeAlias = npt.NDArray[Any]

DEPTH_MAX: Final = 16  # prime factors of a preproduct: 3·5·…·59, the first 16, exceed 10^18
SIEVE_MAX: Final = 32  # odd prime powers that divide a number below 2^50
CHUNK: Final = 1024  # primes q that are inverted together: what they need stays in the L1 cache
BUFFER: Final = 256  # cofactors m that are tested together
TRIAL: Final = 64  # cofactors that are divided by small primes together
HIT_FIELDS: Final = DEPTH_MAX + 4  # how many factors, then the factors


class Queue(NamedTuple):
    """Cofactors m that wait to be tested, and the preproducts that they belong to."""

    candidates: Doubles
    smooth: Bytes
    """Whether a candidate has a small prime factor."""

    ms: Doubles
    inverses: Doubles
    powers: Doubles
    exponents: Words
    """n − 1 = P·m − 1."""
    nodes: Integers
    """Which of the preproducts below each m belongs to."""
    depths: Integers
    products: Integers
    factors: Integers2
    counts: Integers
    """Of the m, and of the preproducts."""


class Work(NamedTuple):
    """Scratch memory, and the hits: rows of a number of factors and the factors."""

    factors: Integers
    sieve_powers: Integers
    sieve_primes: Integers
    marks: Words
    qs: Words
    tree: Doubles
    moduli: Doubles
    flags: Bytes
    flag_words: Words
    hits: npt.NDArray[Any]
    counts: Integers
    """Of hits."""


@device
def make_work(hits: npt.NDArray[Any]) -> Work:
    """Scratch memory for one search."""
    flags = np.zeros(CHUNK, np.uint8)
    return Work(
        np.zeros(DEPTH_MAX, np.int64),
        np.zeros(SIEVE_MAX, np.int64),
        np.zeros(SIEVE_MAX, np.int64),
        np.zeros(CHUNK, np.uint64),
        np.zeros(CHUNK, np.uint64),
        np.zeros(2 * CHUNK + 64, np.float64),
        np.zeros(CHUNK, np.float64),
        flags,
        flags.view(np.uint64),
        hits,
        np.zeros(1, np.int64),
    )


@device
def make_queue() -> Queue:
    """An empty queue."""
    return Queue(
        np.zeros(TRIAL, np.float64),
        np.zeros(TRIAL, np.uint8),
        np.ones(BUFFER, np.float64),
        np.ones(BUFFER, np.float64),
        np.ones(BUFFER, np.float64),
        np.zeros(BUFFER, np.uint64),
        np.zeros(BUFFER, np.int64),
        np.zeros(BUFFER, np.int64),
        np.zeros(BUFFER, np.int64),
        np.zeros((BUFFER, DEPTH_MAX), np.int64),
        np.zeros(2, np.int64),
    )
