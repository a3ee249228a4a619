"""FLINT, as python-flint brings it along, or as the system has it."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from newral_kernels.benchmark.peers.multiprecision import FlintIntegers
from newral_kernels.benchmark.peers.peer import (
    WORD_BITS,
    Peer,
    PeerAbsentError,
    Values,
    Ways,
    bundled_library,
    native_way,
)


class Flint(Peer):
    """Its tests of words where the numbers are words, those of integers otherwise."""

    def __init__(self) -> None:
        library = bundled_library("flint", "flint")
        if library is None:
            raise PeerAbsentError("pip install python-flint")
        self._library = library
        self.version = (ctypes.c_char * 16).in_dll(library, "flint_version").value.decode()

    def ways(self, function: str, numbers: Sequence[int]) -> Ways:
        """`is_probabprime` is not a Baillie-PSW test below 2^64, but as sure as one there."""
        if function == "is_strong_probable_prime":
            base = FlintIntegers(self._library, [2])
            test = self._library["fmpz_is_strong_probabprime"]
            integers = FlintIntegers(self._library, numbers)
            return {"flint.fmpz_is_strong_probabprime": native_way(test, integers, base)}
        if function != "is_bpsw_probable_prime":
            return {}
        if max(numbers).bit_length() <= WORD_BITS:
            words = Values(numbers)
            names = ("n_is_probabprime", "n_is_probabprime_BPSW")
            return {f"flint.{name}": native_way(self._library[name], words) for name in names}
        integers = FlintIntegers(self._library, numbers)
        names = ("fmpz_is_probabprime", "fmpz_is_probabprime_BPSW")
        return {f"flint.{name}": native_way(self._library[name], integers) for name in names}
