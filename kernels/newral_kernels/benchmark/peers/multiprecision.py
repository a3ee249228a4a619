"""Numbers as GMP, FLINT and PARI hold them in memory."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class GmpIntegers:
    """`words` are addresses of read-only `mpz_t`, as GMP's own MPZ_ROINIT_N makes them."""

    def __init__(self, numbers: Sequence[int]) -> None:
        sizes = [(n.bit_length() + 63) // 64 for n in numbers]
        width = max(sizes)
        text = b"".join(n.to_bytes(8 * width, "little") for n in numbers)
        self._limbs = np.frombuffer(text, dtype="<u8").astype(np.uint64)
        self._headers = np.zeros(
            len(numbers), dtype=[("allocated", "i4"), ("size", "i4"), ("limbs", "u8")]
        )
        rows = np.arange(len(numbers), dtype=np.uint64)
        self._headers["size"] = sizes
        self._headers["limbs"] = np.uint64(self._limbs.ctypes.data) + rows * np.uint64(8 * width)
        self.words = np.uint64(self._headers.ctypes.data) + rows * np.uint64(16)


class FlintIntegers:
    """`words` are addresses of `fmpz_t`."""

    def __init__(self, library: ctypes.CDLL, numbers: Sequence[int]) -> None:
        self._values = np.zeros(len(numbers), dtype=np.uint64)
        self.words = np.uint64(self._values.ctypes.data) + np.arange(
            len(numbers), dtype=np.uint64
        ) * np.uint64(8)
        source = GmpIntegers(numbers)
        for value, number in zip(self.words.tolist(), source.words.tolist(), strict=True):
            library.fmpz_init(ctypes.c_void_p(value))
            library.fmpz_set_mpz(ctypes.c_void_p(value), ctypes.c_void_p(number))
        weakref.finalize(self, _clear, library, self._values)


class PariIntegers:
    """`words` are addresses of clones, which live outside PARI's stack."""

    def __init__(self, library: Any, numbers: Sequence[int]) -> None:
        stack = ctypes.c_ulong.in_dll(library, "avma")
        library.strtoi.restype = library.gclone.restype = ctypes.c_void_p
        library.gclone.argtypes = library.gunclone.argtypes = [ctypes.c_void_p]
        clones = []
        for number in numbers:
            top = stack.value
            clones.append(library.gclone(library.strtoi(str(number).encode())))
            stack.value = top
        self.words = np.array(clones, dtype=np.uint64)
        weakref.finalize(self, _unclone, library, clones)


def _clear(library: ctypes.CDLL, values: NDArray[np.uint64]) -> None:
    for index in range(values.size):
        library.fmpz_clear(ctypes.c_void_p(values.ctypes.data + 8 * index))


def _unclone(library: ctypes.CDLL, clones: list[int]) -> None:
    for clone in clones:
        library.gunclone(clone)
