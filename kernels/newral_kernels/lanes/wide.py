"""Strong and Lucas tests of numbers of any width, eight at a time where the processor has IFMA."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newral_kernels.lanes.ifma import LANES_AT_ONCE, LIMB_BITS, SLACK_BITS
from newral_kernels.lanes.wide_ifma import lucas_sequences, powers_of_2
from newral_kernels.words import U64

BITS_MAX: Final = LIMB_BITS * 64 - SLACK_BITS
"""GMP's faster multiplication wins for larger numbers."""

_LIMB_MASK: Final = 2**LIMB_BITS - 1
_WORD_MASK: Final = 2**64 - 1


def powers_of_two(numbers: Sequence[int], exponents: Sequence[int]) -> list[int]:
    """2^exponent mod n, for odd n of at most `BITS_MAX` bits."""
    found = []
    for ns, ks in zip(_eights(numbers), _eights(exponents), strict=True):
        modulus = _Modulus(ns)
        x = modulus.columns([modulus.r % n for n in ns])
        words, bits = _words(ks)
        powers_of_2(x, words, bits, modulus.n, modulus.inverse)
        found += modulus.numbers(x)
    return found[: len(numbers)]


def lucas_values(
    numbers: Sequence[int], ps: Sequence[int], indices: Sequence[int]
) -> list[tuple[int, int]]:
    """V_k and V_(k+1) mod n for the parameters P and Q = 1, for such n."""
    found: list[tuple[int, int]] = []
    for ns, each_p, ks in zip(_eights(numbers), _eights(ps), _eights(indices), strict=True):
        modulus = _Modulus(ns)
        twos = [2 * modulus.r % n for n in ns]
        own = [p * modulus.r % n for p, n in zip(each_p, ns, strict=True)]
        v, w = modulus.columns(twos), modulus.columns(own)
        minus_two = modulus.columns([n - x for n, x in zip(ns, twos, strict=True)])
        minus_p = modulus.columns([n - x for n, x in zip(ns, own, strict=True)])
        words, bits = _words(ks)
        lucas_sequences(v, w, words, bits, minus_p, minus_two, modulus.n, modulus.inverse)
        found += zip(modulus.numbers(v), modulus.numbers(w), strict=True)
    return found[: len(numbers)]


class _Modulus:
    """Eight moduli, and numbers modulo each of them as columns of limbs."""

    def __init__(self, ns: Sequence[int]) -> None:
        bits = max(n.bit_length() for n in ns)
        if bits > BITS_MAX:
            raise ValueError(f"a number has {bits} bits: the most is {BITS_MAX}")
        self._ns = ns
        self._limbs = -(-(bits + SLACK_BITS) // LIMB_BITS)
        self.r = 1 << (LIMB_BITS * self._limbs)
        self.n = self.columns(ns)
        inverses = [-pow(n & _LIMB_MASK, -1, 2**LIMB_BITS) & _LIMB_MASK for n in ns]
        self.inverse = np.array(inverses, np.uint64)

    def columns(self, values: Sequence[int]) -> NDArray[U64]:
        shifts = range(0, LIMB_BITS * self._limbs, LIMB_BITS)
        return np.array(
            [[(x >> shift) & _LIMB_MASK for x in values] for shift in shifts], np.uint64
        )

    def numbers(self, columns: NDArray[U64]) -> list[int]:
        """The inverse of `columns`, and 0 for n."""
        values = [0] * LANES_AT_ONCE
        for row in reversed(columns.tolist()):
            values = [(x << LIMB_BITS) + limb for x, limb in zip(values, row, strict=True)]
        return [x % n for x, n in zip(values, self._ns, strict=True)]


def _eights(values: Sequence[int]) -> Iterator[list[int]]:
    """In groups of eight; the last is filled up."""
    for start in range(0, len(values), LANES_AT_ONCE):
        group = values[start : start + LANES_AT_ONCE]
        yield [*group, *[group[-1]] * (LANES_AT_ONCE - len(group))]


def _words(exponents: Sequence[int]) -> tuple[NDArray[U64], int]:
    """Rows of words, lowest first, and how many bits there are."""
    bits = max(k.bit_length() for k in exponents)
    shifts = range(0, bits, 64)
    rows = [[(k >> shift) & _WORD_MASK for k in exponents] for shift in shifts]
    return np.array(rows, np.uint64), bits
