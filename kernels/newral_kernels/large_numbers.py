"""Probable-prime tests of odd numbers from 2^127 on: of several together, or one by one by GMP."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import gmpy2  # type: ignore[import-untyped]
import numpy as np

from newral_kernels.lanes import dispatch
from newral_kernels.lanes.lucas import ALMOST, PLAIN, STRONG
from newral_kernels.lanes.lucas_parameters import SELFRIDGE
from newral_kernels.lanes.wide import BITS_MAX, lucas_values, powers_of_two
from newral_kernels.primality import selfridge_parameters, strong_residue_passes, twos
from newral_kernels.sieve import primes_below, primes_between

Residue = TypeVar("Residue")

_WORD_PRIMORIAL: Final = math.prod(primes_between(3, 54))  # below 2^64
_PRIMORIAL: Final = gmpy2.mpz(math.prod(primes_below(2048)) // 2)


def are_undivided(ns: Sequence[int]) -> list[bool]:
    """Whether none of the odd primes below 2048 divides n > 2048."""
    rests = np.array([n % _WORD_PRIMORIAL for n in ns], np.uint64)
    rough = np.gcd(rests, np.uint64(_WORD_PRIMORIAL)) == 1
    return [
        maybe and gmpy2.gcd(n, _PRIMORIAL) == 1 for n, maybe in zip(ns, rough.tolist(), strict=True)
    ]


def are_strong_probable_primes(ns: Sequence[int], base: int) -> list[bool]:
    """The Miller-Rabin test; a base that shares a factor with n refutes it."""
    if base == 2 and _together(ns):
        residues = _by_width(ns, lambda some: powers_of_two(some, [_odd_part(n - 1) for n in some]))
        return [strong_residue_passes(n, x) for n, x in zip(ns, residues, strict=True)]
    return [gmpy2.gcd(n, base) == 1 and gmpy2.is_strong_prp(n, base) for n in ns]


def satisfy_lucas(ns: Sequence[int], method: int, condition: int) -> list[bool]:
    """As `newral_kernels.lanes.lucas.keep_lucas`."""
    if method == SELFRIDGE and condition == PLAIN:
        return [bool(gmpy2.is_selfridge_prp(n)) for n in ns]
    if method == SELFRIDGE and not _together(ns):
        return [bool(gmpy2.is_strong_selfridge_prp(n)) for n in ns]
    ps = [_selfridge_p(n) if method == SELFRIDGE else _extra_strong_p(n) for n in ns]
    tested = {n: p for n, p in zip(ns, ps, strict=True) if p is not None}
    values = _by_width(list(tested), lambda some: _values(some, [tested[n] for n in some]))
    passed = {
        n
        for (n, p), (v, w) in zip(tested.items(), values, strict=True)
        if _passes(n, p, v, w, condition)
    }
    return [n in passed for n in ns]


def _together(ns: Sequence[int]) -> bool:
    """Whether eight at a time are faster than one by one."""
    return dispatch.has_ifma() and max(ns, default=0).bit_length() <= BITS_MAX


def _by_width(ns: Sequence[int], compute: Callable[[list[int]], list[Residue]]) -> list[Residue]:
    """What `compute` returns for the numbers in the order of their size: alike go together."""
    order = sorted(range(len(ns)), key=ns.__getitem__)
    computed = compute([ns[i] for i in order])
    return [x for _, x in sorted(zip(order, computed, strict=True), key=lambda pair: pair[0])]


def _odd_part(m: int) -> int:
    return m >> twos(m)


def _selfridge_p(n: int) -> int | None:
    """1/Q − 2 modulo n; None where n is seen to be composite."""
    if gmpy2.is_square(n):
        return None
    parameters = selfridge_parameters(n)
    if parameters is None or gmpy2.gcd(parameters.q, n) != 1:
        return None
    return int((gmpy2.invert(parameters.q, n) - 2) % n)


def _extra_strong_p(n: int) -> int | None:
    """The first P of 3, 4, … with (P² − 4 / n) = −1; None where n is seen to be composite."""
    if gmpy2.is_square(n):
        return None
    p = 3
    while (symbol := gmpy2.jacobi(p * p - 4, n)) == 1:
        p += 1
    return p if symbol == -1 else None


def _values(ns: list[int], ps: list[int]) -> list[tuple[int, int]]:
    """V_d and V_(d+1) for the odd part d of n + 1."""
    indices = [_odd_part(n + 1) for n in ns]
    if _together(ns):
        return lucas_values(ns, ps, indices)
    return [_lucas_value(n, p, k) for n, p, k in zip(ns, ps, indices, strict=True)]


def _lucas_value(n: int, p: int, index: int) -> tuple[int, int]:
    n, v, w = gmpy2.mpz(n), gmpy2.mpz(2), gmpy2.mpz(p)
    for bit in bin(index)[2:]:
        mixed = (v * w - p) % n
        v, w = (mixed, (w * w - 2) % n) if bit == "1" else ((v * v - 2) % n, mixed)
    return v, w


def _passes(n: int, p: int, v: int, w: int, condition: int) -> bool:
    """Whether a condition holds, from V_d and V_(d+1)."""
    assert condition in (STRONG, ALMOST)
    if v in (2, n - 2) and (condition == ALMOST or (2 * w - p * v) % n == 0):
        return True
    for _ in range(twos(n + 1) - 1):
        if v == 0:
            return True
        v = (v * v - 2) % n
    return False
