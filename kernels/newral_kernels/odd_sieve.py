"""The odd numbers of a range without small prime factors, for compiled code."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from newral_kernels.double_words import rem_double
from newral_kernels.jit import compiled
from newral_kernels.words import U64

SEGMENT: Final = 2**17  # flags that stay in a core's cache


@compiled("int64(uint64, uint64, uint64[::1], int64[::1])")
def rough_offsets(
    first0: U64, first1: U64, primes: NDArray[U64], offsets: NDArray[np.int64]
) -> int:
    """Which numbers first + 2i, for i below the length of `offsets`, no given prime divides.

    Puts those i to the front of `offsets`, ascending, and returns how many they are. `first` is odd
    and, in two words, above all primes, which are odd and below 2^32.
    """
    length = offsets.size
    flags = np.empty(min(length, SEGMENT), np.uint8)
    following = np.empty(primes.size, np.int64)
    for k in range(primes.size):
        p = np.int64(primes[k])
        rest = np.int64(rem_double(first0, first1, primes[k]))
        # first + 2i = 0 mod p for i = (p - rest)/2, or (2p - rest)/2 where that is no integer.
        following[k] = 0 if rest == 0 else (p - rest if rest % 2 == 1 else 2 * p - rest) // 2
    count = 0
    for start in range(0, length, SEGMENT):
        size = min(SEGMENT, length - start)
        flags[:size] = 1
        for k in range(primes.size):
            p, i = np.int64(primes[k]), following[k]
            while i < size:
                flags[i] = 0
                i += p
            following[k] = i - size
        for i in range(size):
            offsets[count] = start + i
            count += flags[i]
    return count
