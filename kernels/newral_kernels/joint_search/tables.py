"""The conditions as arrays, for compiled code."""

from __future__ import annotations

import functools
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.joint_search.conditions import FILTER_STOP, Conditions

Words: TypeAlias = npt.NDArray[np.uint64]
Signs: TypeAlias = npt.NDArray[np.int8]


class Tables(NamedTuple):
    """Of the small primes q: the primes, what their multiples have to be (see
    `conditions.SmallPrime`), q^(−1) modulo 2^64 and ⌊(2^64 − 1)/q⌋, and the inverses modulo q.
    """

    symbols: Signs
    primes: Words
    moduli: Words
    residues: Words
    reciprocals: Words
    quotients: Words
    inverses: npt.NDArray[np.uint16]


@functools.cache
def tables(conditions: Conditions) -> Tables:
    """x is a multiple of q exactly when x·q^(−1) modulo 2^64 is at most ⌊(2^64 − 1)/q⌋."""
    small = conditions.small_primes()
    inverses = np.zeros((len(small), FILTER_STOP), np.uint16)
    for row, (q, _, _) in zip(inverses, small, strict=True):
        row[1:q] = [pow(a, -1, q) for a in range(1, q)]
    primes = [q for q, _, _ in small]
    return Tables(
        symbols=np.array(conditions.symbols(), np.int8),
        primes=np.array(primes, np.uint64),
        moduli=np.array([modulus for _, modulus, _ in small], np.uint64),
        residues=np.array([residue for _, _, residue in small], np.uint64),
        reciprocals=np.array([pow(q, -1, 2**64) for q in primes], np.uint64),
        quotients=np.array([(2**64 - 1) // q for q in primes], np.uint64),
        inverses=inverses,
    )
