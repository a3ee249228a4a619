"""Many curves at once, by compiled code."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from newral_kernels.factoring.compiled_ecm import run_curves
from newral_kernels.factoring.ecm import FactorFound, giant_width, stage_two_pairs, suyama
from newral_kernels.factoring.p_minus_1 import smooth_exponent
from newral_kernels.gmp import gcd, mpz

N_BITS_MAX: Final = 127

_WORD: Final = 2**64 - 1


def factor_by_curves(n: int, sigmas: Sequence[int], bound: int) -> int | None:
    """As `ecm_factor`, but with several curves, for an odd n < 2^127 coprime to 3."""
    if n.bit_length() > N_BITS_MAX:
        raise ValueError(f"{n.bit_length()} bits are too many; the most is {N_BITS_MAX}")
    try:
        curves = np.array([_curve(n, sigma) for sigma in sigmas], dtype=np.uint64)
    except FactorFound as found:
        return found.factor if found.factor < n else None
    residues = np.empty((len(sigmas), 4), dtype=np.uint64)
    modulus = np.array([*_words(n), -pow(n, -1, 2**64) & _WORD], dtype=np.uint64)
    width = giant_width(bound)
    baby = np.empty((width // 4 + 1, 6), dtype=np.uint64)
    run_curves(
        curves, modulus, _bits(smooth_exponent(bound)), _bits(width), *_pairs(bound), baby, residues
    )
    for z0, z1, product0, product1 in residues.tolist():
        for residue in (z1 << 64 | z0, product1 << 64 | product0):
            common = int(gcd(residue, n))
            if 1 < common < n:
                return common
    return None


def _curve(n: int, sigma: int) -> list[int]:
    a24, (x, z) = suyama(mpz(n), sigma)
    return [word for value in (a24, x, z) for word in _words(int((value << 128) % n))]


def _words(value: int) -> Iterable[int]:
    return value & _WORD, value >> 64


@functools.cache
def _bits(k: int) -> Any:
    """The bits of k below the highest, the higher ones first."""
    return np.array([bit == "1" for bit in bin(k)[3:]], dtype=np.uint8)


@functools.cache
def _pairs(bound: int) -> tuple[Any, Any]:
    pairs = stage_two_pairs(bound)
    offsets = np.cumsum([0, *map(len, pairs)], dtype=np.int64)
    return offsets, np.concatenate([np.array(odds, dtype=np.uint16) for odds in pairs])
