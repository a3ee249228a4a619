"""The Baillie-PSW test on every odd number of ranges below 2^127, with leaves over all residues."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from newral_kernels.bpsw_criterion import FILTER_BELOW, WITNESS_BASES, hit_factors
from newral_kernels.bpsw_result import Hit, Part, Range, odd_numbers
from newral_kernels.commitment import leaf
from newral_kernels.lanes.dispatch import entries, keep_strong, keep_strong_lucas
from newral_kernels.lanes.lucas_parameters import SELFRIDGE
from newral_kernels.odd_sieve import rough_offsets
from newral_kernels.sieve import primes_between
from newral_kernels.words import U64

Positions: TypeAlias = NDArray[np.int64]

_PRIMES: Final = np.array(primes_between(3, FILTER_BELOW), dtype=np.uint64)
_WORD_MASK: Final = 2**64 - 1


def prepare() -> None:
    """Compile, or load from the disk, whatever `examine` calls."""
    rough_offsets.prepare()
    for entry in entries():
        entry.prepare()


def examine(ranges: Sequence[Range]) -> list[Part]:
    """Test every odd number of some ranges, ascending and apart, within [2^64, 2^127).

    The leaf of a range is over the residues, each of 16 bytes, little-endian, of all tests to base
    2; then of all Lucas tests; then of all tests to each of the witness bases.
    """
    numbers = _Numbers.of(ranges)
    stages = list(_stages(numbers))
    data = [stage.data(numbers.cuts) for stage in stages]
    rough = np.diff(numbers.cuts)
    primes = np.diff(np.searchsorted(stages[-1].passed, numbers.cuts))
    psp2 = [numbers.number(i) for i in stages[1].failed()]
    hits = sorted(
        Hit(n, base, hit_factors(n))
        for base, stage in zip(WITNESS_BASES, stages[2:], strict=True)
        for n in map(numbers.number, stage.failed())
    )
    return [
        Part(
            leaf=leaf(b"".join(of_stage[i] for of_stage in data)),
            filtered=odd_numbers(each.start, each.stop) - int(rough[i]),
            probable_primes=int(primes[i]),
            psp2=tuple(n for n in psp2 if n in each),
            hits=tuple(hit for hit in hits if hit.n in each),
        )
        for i, each in enumerate(ranges)
    ]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The numbers of some ranges without small factors; those of the i-th from `cuts[i]` on."""

    lows: NDArray[U64]
    highs: NDArray[U64]
    cuts: Positions

    @classmethod
    def of(cls, ranges: Sequence[Range]) -> _Numbers:
        lows, highs, cuts = [], [], [np.zeros(1, np.int64)]
        for span in _joined(ranges):
            first = span[0].start | 1
            offsets = _rough(first, span[-1].stop)
            low = offsets + np.uint64(first & _WORD_MASK)
            lows.append(low)
            highs.append(np.uint64(first >> 64) + (low < offsets).astype(np.uint64))
            ends = np.array([each.stop - first for each in span], dtype=np.uint64)
            cuts.append(cuts[-1][-1] + np.searchsorted(offsets, ends))
        return cls(np.concatenate(lows), np.concatenate(highs), np.concatenate(cuts))

    def number(self, position: int) -> int:
        return int(self.lows[position]) | int(self.highs[position]) << 64


@dataclass(frozen=True, slots=True)
class _Stage:
    """One test: the positions of the numbers that reached it, their residues, and who passed."""

    tested: Positions
    residues: NDArray[U64]
    passed: Positions

    @classmethod
    def of(
        cls, tested: Positions, words: int, keep: Callable[[Positions, NDArray[U64]], int]
    ) -> _Stage:
        """Run a test that moves those that pass to the front, and writes residues of so many
        words."""
        index = tested.copy()
        residues = np.empty((index.size, words), np.uint64)
        return cls(tested, residues, index[: keep(index, residues)])

    def failed(self) -> Positions:
        return np.setdiff1d(self.tested, self.passed, assume_unique=True)

    def data(self, cuts: Positions) -> list[bytes]:
        """The residues, for the numbers between every two cuts."""
        raw = self.residues.astype("<u8", copy=False).tobytes()
        ends = np.searchsorted(self.tested, cuts) * 8 * self.residues.shape[1]
        return [raw[start:end] for start, end in itertools.pairwise(ends)]


def _joined(ranges: Sequence[Range]) -> Iterator[Sequence[Range]]:
    """Ranges that touch, together."""
    first = 0
    for i in range(1, len(ranges) + 1):
        if i == len(ranges) or ranges[i].start != ranges[i - 1].stop:
            yield ranges[first:i]
            first = i


def _rough(first: int, stop: int) -> NDArray[U64]:
    """The distances from an odd number to the numbers without small factors from it on."""
    halves = np.empty(max(stop - first + 1, 0) // 2, np.int64)
    low, high = np.uint64(first & _WORD_MASK), np.uint64(first >> 64)
    count = rough_offsets(low, high, _PRIMES, halves)
    return 2 * halves[:count].astype(np.uint64)


def _stages(numbers: _Numbers) -> Iterator[_Stage]:
    """Strong to base 2, strong Lucas, strong to each witness base: of what passed before."""
    lows, highs = numbers.lows, numbers.highs

    def strong(base: int) -> Callable[[Positions, NDArray[U64]], int]:
        return lambda index, residues: keep_strong(lows, highs, base, index, residues)

    def lucas(index: Positions, residues: NDArray[U64]) -> int:
        return keep_strong_lucas(lows, highs, index, SELFRIDGE, residues)

    stage = _Stage.of(np.arange(lows.size), 2, strong(2))
    yield stage
    stage = _Stage.of(stage.passed, 4, lucas)
    yield stage
    for base in WITNESS_BASES:
        stage = _Stage.of(stage.passed, 2, strong(base))
        yield stage
