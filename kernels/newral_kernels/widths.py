"""Numbers of a batch, sorted by how wide they are, and the stages of tests for each width.

A stage takes positions among the numbers of its width and returns those that pass, in their order.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from newral_kernels import large_numbers
from newral_kernels.double_words import DOUBLE_WORD_BITS_MAX
from newral_kernels.lanes import dispatch
from newral_kernels.lanes.ifma import FACTOR_MAX
from newral_kernels.lanes.lucas import STRONG, keep_lucas
from newral_kernels.lanes.lucas_double import keep_lucas_double
from newral_kernels.lanes.strong import keep_strong, keep_strong_2
from newral_kernels.lanes.trial_division import keep_undivided, keep_undivided_double
from newral_kernels.words import U64

Numbers: TypeAlias = Sequence[int] | NDArray[np.unsignedinteger[Any]]
Positions: TypeAlias = NDArray[np.int64]

_WORD_BELOW: Final = 2**64
_DOUBLE_BELOW: Final = 2**DOUBLE_WORD_BITS_MAX
_NO_RESIDUES: Final = np.empty(0, np.uint64)
_NO_ROWS: Final = np.empty((0, 2), np.uint64)


class Width(Protocol):
    """Numbers of one width. All stages but `odd` are for odd n >= 3."""

    where: Positions
    """Their places in the batch."""

    def twos(self) -> Positions:
        """Where n = 2."""

    def odd(self) -> Positions:
        """Odd n >= 3."""

    def undivided(self, index: Positions) -> Positions:
        """Without a small prime factor, unless it is n itself."""

    def strong(self, base: int, index: Positions) -> Positions:
        """Strong probable primes to a base."""

    def lucas(self, method: int, condition: int, index: Positions) -> Positions:
        """As `newral_kernels.lanes.lucas.keep_lucas`."""


class Words:
    """Numbers below 2^64."""

    def __init__(self, where: Positions, values: NDArray[U64]) -> None:
        self.where = where
        self._values = values

    def twos(self) -> Positions:
        return np.flatnonzero(self._values == 2)

    def odd(self) -> Positions:
        return np.flatnonzero((self._values & np.uint64(1) == 1) & (self._values > 1))

    def undivided(self, index: Positions) -> Positions:
        return index[: keep_undivided(self._values, index)]

    def strong(self, base: int, index: Positions) -> Positions:
        if base != 2:
            self._require_base(base, index)
        if dispatch.has_ifma() and base <= FACTOR_MAX:
            return self._as_pairs().strong(base, index)
        if base == 2:
            return index[: keep_strong_2(self._values, index, _NO_RESIDUES)]
        return index[: keep_strong(self._values, np.uint64(base), index)]

    def lucas(self, method: int, condition: int, index: Positions) -> Positions:
        if dispatch.has_ifma() and condition == STRONG:
            return self._as_pairs().lucas(method, condition, index)
        return index[: keep_lucas(self._values, index, method, condition, _NO_ROWS)]

    def _require_base(self, base: int, index: Positions) -> None:
        values = self._values[index]
        divisors = values[np.uint64(base) % values == 0]
        if divisors.size > 0:
            raise ValueError(
                f"base {base} is a multiple of {divisors[0]} and tells nothing about it"
            )

    def _as_pairs(self) -> Pairs:
        return Pairs(self.where, self._values, np.zeros_like(self._values))


class Pairs:
    """Numbers from 2^64 to 2^127 - 1."""

    def __init__(self, where: Positions, lows: NDArray[U64], highs: NDArray[U64]) -> None:
        self.where = where
        self._lows = lows
        self._highs = highs

    def twos(self) -> Positions:
        return np.empty(0, np.int64)

    def odd(self) -> Positions:
        return np.flatnonzero(self._lows & np.uint64(1))

    def undivided(self, index: Positions) -> Positions:
        return index[: keep_undivided_double(self._lows, self._highs, index)]

    def strong(self, base: int, index: Positions) -> Positions:
        return index[: dispatch.keep_strong(self._lows, self._highs, base, index, _NO_ROWS)]

    def lucas(self, method: int, condition: int, index: Positions) -> Positions:
        lows, highs = self._lows, self._highs
        if condition == STRONG:
            return index[: dispatch.keep_strong_lucas(lows, highs, index, method, _NO_ROWS)]
        return index[: keep_lucas_double(lows, highs, index, method, condition, _NO_ROWS)]


class Large:
    """Numbers from 2^127 on whose rows have the same number of words."""

    def __init__(self, where: Positions, values: list[int], words: int) -> None:
        self.where = where
        self._values = values
        self._rows = large_numbers.rows_of(values, words)

    def twos(self) -> Positions:
        return np.empty(0, np.int64)

    def odd(self) -> Positions:
        return np.flatnonzero(self._rows[:, 0] & np.uint64(1))

    def undivided(self, index: Positions) -> Positions:
        return large_numbers.undivided(self._rows, index)

    def strong(self, base: int, index: Positions) -> Positions:
        return large_numbers.strong_probable_primes(self._values, self._rows, base, index)

    def lucas(self, method: int, condition: int, index: Positions) -> Positions:
        return large_numbers.lucas_probable_primes(
            self._values, self._rows, method, condition, index
        )


def sort_by_width(numbers: Numbers) -> tuple[int, list[Width]]:
    """How many numbers there are, and those of each width. Raises ValueError for negative ones and
    arrays of another shape."""
    if not isinstance(numbers, np.ndarray):
        return _sort_integers([operator.index(n) for n in numbers])
    if not np.issubdtype(numbers.dtype, np.unsignedinteger):
        raise ValueError(f"an array of {numbers.dtype}: give unsigned integers of up to 64 bits")
    if numbers.ndim == 1:
        # Compiled code takes arrays that may be written to, and does not write to this one.
        words = np.require(numbers, np.uint64, ["C", "W"])
        return numbers.size, [Words(np.arange(numbers.size), words)]
    if numbers.ndim == 2 and numbers.shape[1] == 2:
        return _sort_rows(np.ascontiguousarray(numbers, np.uint64))
    raise ValueError(f"an array of the shape {numbers.shape}: give (m,), or (m, 2) for word pairs")


def _sort_integers(values: list[int]) -> tuple[int, list[Width]]:
    least, greatest = min(values, default=0), max(values, default=0)
    if least < 0:
        raise ValueError(f"{least} is negative: the least number is 0")
    if greatest < _WORD_BELOW:
        return len(values), [Words(np.arange(len(values)), np.array(values, np.uint64))]
    if least >= _DOUBLE_BELOW:
        return len(values), _large_by_words(np.arange(len(values)), values)
    small = [i for i, n in enumerate(values) if n < _DOUBLE_BELOW]
    large = [i for i, n in enumerate(values) if n >= _DOUBLE_BELOW]
    raw = b"".join(values[i].to_bytes(16, "little") for i in small)
    rows = np.frombuffer(raw, "<u8").reshape(-1, 2)
    widths = _rows_by_width(np.array(small, np.int64), rows)
    wide = _large_by_words(np.array(large, np.int64), [values[i] for i in large])
    return len(values), [*widths, *wide]


def _sort_rows(rows: NDArray[U64]) -> tuple[int, list[Width]]:
    large = np.flatnonzero(rows[:, 1] >> np.uint64(DOUBLE_WORD_BITS_MAX - 64))
    values = [int(low) | int(high) << 64 for low, high in rows[large]]
    small = np.flatnonzero(rows[:, 1] >> np.uint64(DOUBLE_WORD_BITS_MAX - 64) == 0)
    return len(rows), [*_rows_by_width(small, rows[small]), *_large_by_words(large, values)]


def _large_by_words(where: Positions, values: list[int]) -> list[Width]:
    fewest = large_numbers.words_of(min(values, default=_DOUBLE_BELOW))
    most = large_numbers.words_of(max(values, default=_DOUBLE_BELOW))
    if fewest == most:
        return [Large(where, values, most)]
    counts = np.array([large_numbers.words_of(n) for n in values])
    found: list[Width] = []
    for words in np.unique(counts).tolist():
        chosen = np.flatnonzero(counts == words)
        found.append(Large(where[chosen], [values[i] for i in chosen], words))
    return found


def _rows_by_width(where: Positions, rows: NDArray[U64]) -> list[Width]:
    lows, highs = rows.T
    short, long = highs == 0, highs != 0
    return [
        Words(where[short], np.ascontiguousarray(lows[short], np.uint64)),
        Pairs(
            where[long],
            np.ascontiguousarray(lows[long], np.uint64),
            np.ascontiguousarray(highs[long], np.uint64),
        ),
    ]
