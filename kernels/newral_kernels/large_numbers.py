"""Probable-prime tests of odd numbers from 2^127 on, by what is fastest for their width here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import gmpy2  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from newral_kernels.jit import Compiled
from newral_kernels.lanes import dispatch, lucas_wide, strong_wide
from newral_kernels.lanes.lucas import ALMOST, PLAIN, STRONG
from newral_kernels.lanes.lucas_parameters import SELFRIDGE
from newral_kernels.lanes.trial_division_wide import keep_undivided_wide
from newral_kernels.lanes.wide import BITS_MAX, lucas_values, powers_of_two
from newral_kernels.multi_words import UNROLLED, Rows, padded
from newral_kernels.primality import selfridge_parameters, strong_residue_passes, twos

Index: TypeAlias = NDArray[np.int64]
LucasValues: TypeAlias = Callable[
    [Sequence[int], Sequence[int], Sequence[int]], list[tuple[int, int]]
]

STRONG_WORDS_MAX: Final = UNROLLED[-1]
LUCAS_WORDS_MAX: Final = 48
"""Of numbers for which our arithmetic with words is faster than GMP's: its own Lucas tests, and
those by its arithmetic, do more work."""

EIGHTS_WORDS_MIN: Final = 8
EIGHTS_MIN: Final = 3
"""Of words, and of numbers, for which AVX-512 IFMA with eight numbers at a time is faster still."""

GROUPS: Final = 12
"""Of small primes to divide by, times words^1.5: a further one costs as much as it spares tests."""


def entries() -> list[Compiled[..., int]]:
    """What the functions of this module call on every machine."""
    return [keep_undivided_wide, strong_wide.keep_strong_2_wide, lucas_wide.keep_lucas_wide]


def words_of(n: int) -> int:
    """How many words a row for n >= 2^127 has: the same for numbers that are tested together."""
    return padded((n.bit_length() + 63) // 64)


def rows_of(ns: Sequence[int], words: int) -> Rows:
    """A row of so many words for each number."""
    raw = b"".join([n.to_bytes(8 * words, "little") for n in ns])
    return np.frombuffer(raw, "<u8").reshape(-1, words).astype(np.uint64)


def undivided(rows: Rows, index: Index) -> Index:
    """Those that none of the first odd primes divides: the more of them, the wider n."""
    groups = round(GROUPS * rows.shape[1] ** 1.5)
    return index[: keep_undivided_wide(rows, index, groups)]


def strong_probable_primes(ns: Sequence[int], rows: Rows, base: int, index: Index) -> Index:
    """Of those at an index, which pass the test; a base that shares a factor with n refutes it."""
    words = rows.shape[1]
    some = [ns[i] for i in index]
    if base == 2 and _by_eights(some, words):
        passed = _strong_by_eights(some)
    elif base == 2 and words <= STRONG_WORDS_MAX:
        space = np.empty((strong_wide.SPACE_ROWS, words), np.uint64)
        return index[: strong_wide.keep_strong_2_wide(rows, index, space)]
    else:
        passed = [gmpy2.gcd(n, base) == 1 and gmpy2.is_strong_prp(n, base) for n in some]
    return index[np.array(passed, np.bool_)]


def lucas_probable_primes(
    ns: Sequence[int], rows: Rows, method: int, condition: int, index: Index
) -> Index:
    """As `newral_kernels.lanes.lucas.keep_lucas`, of those at an index."""
    words = rows.shape[1]
    some = [ns[i] for i in index]
    if condition != PLAIN and _by_eights(some, words):
        passed = _satisfy_lucas(some, method, condition, lucas_values)
    elif words <= LUCAS_WORDS_MAX:
        index = index[np.array([not gmpy2.is_square(n) for n in some], np.bool_)]
        space = np.empty((lucas_wide.SPACE_ROWS, words), np.uint64)
        return index[: lucas_wide.keep_lucas_wide(rows, index, method, condition, space)]
    elif condition == PLAIN:
        assert method == SELFRIDGE
        passed = [bool(gmpy2.is_selfridge_prp(n)) for n in some]
    else:
        passed = _satisfy_lucas(some, method, condition, _lucas_values)
    return index[np.array(passed, np.bool_)]


def _by_eights(ns: Sequence[int], words: int) -> bool:
    return (
        dispatch.has_ifma()
        and words >= EIGHTS_WORDS_MIN
        and len(ns) >= EIGHTS_MIN
        and max(ns).bit_length() <= BITS_MAX
    )


def _strong_by_eights(ns: Sequence[int]) -> list[bool]:
    residues = powers_of_two(ns, [_odd_part(n - 1) for n in ns])
    return [strong_residue_passes(n, x) for n, x in zip(ns, residues, strict=True)]


def _satisfy_lucas(
    ns: Sequence[int], method: int, condition: int, values_of: LucasValues
) -> list[bool]:
    ps = [_selfridge_p(n) if method == SELFRIDGE else _extra_strong_p(n) for n in ns]
    tested = {n: p for n, p in zip(ns, ps, strict=True) if p is not None}
    indices = [_odd_part(n + 1) for n in tested]
    values = values_of(list(tested), list(tested.values()), indices)
    passed = {
        n
        for (n, p), (v, w) in zip(tested.items(), values, strict=True)
        if _passes(n, p, v, w, condition)
    }
    return [n in passed for n in ns]


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


def _lucas_values(
    ns: Sequence[int], ps: Sequence[int], indices: Sequence[int]
) -> list[tuple[int, int]]:
    """As `newral_kernels.lanes.wide.lucas_values`, one by one."""
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
