"""Trial division of numbers of many words by small odd primes, a word for each group of them."""

from __future__ import annotations

import itertools
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newral_kernels.jit import compiled
from newral_kernels.multi_words import Rows
from newral_kernels.sieve import primes_between
from newral_kernels.words import ONE, ZERO, inverse_word, umulh

PRIMES_BELOW: Final = 2**15

_PRIMES: Final = np.array(primes_between(3, PRIMES_BELOW), dtype=np.uint64)
# As in `newral_kernels.lanes.trial_division`.
_INVERSES: Final = np.array([pow(int(p), -1, 2**64) for p in _PRIMES], dtype=np.uint64)
_QUOTIENTS_MAX: Final = np.array([(2**64 - 1) // int(p) for p in _PRIMES], dtype=np.uint64)


def _group_ends() -> list[int]:
    """Where to cut the primes, so that the product of each group is a word."""
    ends, product = [], 1
    for i, p in enumerate(_PRIMES):
        if product * int(p) >= 2**64:
            ends.append(i)
            product = 1
        product *= int(p)
    return [*ends, len(_PRIMES)]


_ENDS: Final = np.array([0, *_group_ends()], dtype=np.int64)
_PRODUCTS: Final = np.array(
    [math.prod(map(int, _PRIMES[start:end])) for start, end in itertools.pairwise(_ENDS)],
    dtype=np.uint64,
)


@compiled("int64(uint64[:,::1], int64[::1], int64)")
def keep_undivided_wide(rows: Rows, index: NDArray[np.int64], groups: int) -> int:
    """Keep those n >= 2^64 that none of the primes of the first groups divides.

    Montgomery's reduction, word by word, leaves a word that has the same divisors among the primes
    of a group.
    """
    kept = index.size
    for group in range(min(groups, _PRODUCTS.size)):
        product = _PRODUCTS[group]
        inverse = inverse_word(product)
        first, end = _ENDS[group], _ENDS[group + 1]
        size, kept = kept, 0
        for i in range(size):
            value = ZERO
            for word in rows[index[i]]:
                borrow = np.uint64(word < value)
                value = umulh((word - value) * inverse, product) + borrow
            divided = ZERO
            for j in range(first, end):
                divided |= np.uint64(value * _INVERSES[j] <= _QUOTIENTS_MAX[j])
            index[kept] = index[i]
            kept += divided & ONE == ZERO
    return kept
