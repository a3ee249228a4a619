"""FLINT, as python-flint brings it along, or as the system has it."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from newral_kernels.benchmark.peers.multiprecision import FlintIntegers
from newral_kernels.benchmark.peers.peer import (
    WORD_BITS,
    Arguments,
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
        """`is_probabprime` is not a Baillie-PSW test below 2^64, but as sure as one there;
        `is_probabprime_lucas` lets some n pass that share a factor with their D, as 1295."""
        match function:
            case "is_bpsw_probable_prime" if max(numbers).bit_length() <= WORD_BITS:
                words = Values(numbers)
                return self._named(words, "n_is_probabprime", "n_is_probabprime_BPSW")
            case "is_bpsw_probable_prime":
                integers = FlintIntegers(self._library, numbers)
                return self._named(integers, "fmpz_is_probabprime", "fmpz_is_probabprime_BPSW")
            case "is_lucas_probable_prime":
                integers = FlintIntegers(self._library, numbers)
                return self._named(integers, "fmpz_is_probabprime_lucas")
            case "is_strong_probable_prime":
                base = FlintIntegers(self._library, [2])
                integers = FlintIntegers(self._library, numbers)
                test = self._library["fmpz_is_strong_probabprime"]
                return {"flint.fmpz_is_strong_probabprime": native_way(test, integers, base)}
        return {}

    def _named(self, arguments: Arguments, *names: str) -> Ways:
        return {f"flint.{name}": native_way(self._library[name], arguments) for name in names}
