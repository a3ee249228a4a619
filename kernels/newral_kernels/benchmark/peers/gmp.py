"""GMP, and what gmpy2 adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final

from newral_kernels.benchmark.peers.multiprecision import GmpIntegers
from newral_kernels.benchmark.peers.peer import (
    Peer,
    PeerAbsentError,
    Ways,
    bundled_library,
    native_way,
)
from newral_kernels.benchmark.ways import Loop, Way

REPETITIONS: Final = 24
"""Of `mpz_probab_prime_p`: from GMP 6.2 on a Baillie-PSW test and nothing more."""


class Gmp(Peer):
    """`mpz_probab_prime_p` from compiled code; gmpy2's tests from Python's fastest loop."""

    def __init__(self) -> None:
        try:
            import gmpy2  # type: ignore[import-untyped]
        except ImportError as error:
            raise PeerAbsentError("pip install gmpy2") from error
        self._gmpy2 = gmpy2
        self._library = bundled_library("gmpy2", "gmp")
        self.version = gmpy2.mp_version().removeprefix("GMP ")

    def ways(self, function: str, numbers: Sequence[int]) -> Ways:
        """gmpy2's test of the same name, and GMP's own Baillie-PSW test."""
        integers = [self._gmpy2.mpz(n) for n in numbers]
        ways: dict[str, Way] = {}
        match function:
            case "is_strong_probable_prime":
                ways["gmpy2.is_strong_prp"] = _mapped(
                    self._gmpy2.is_strong_prp, integers, repeat(2)
                )
            case "is_lucas_probable_prime":
                ways["gmpy2.is_selfridge_prp"] = _mapped(self._gmpy2.is_selfridge_prp, integers)
            case "is_strong_lucas_probable_prime":
                ways["gmpy2.is_strong_selfridge_prp"] = _mapped(
                    self._gmpy2.is_strong_selfridge_prp, integers
                )
            case "is_bpsw_probable_prime":
                ways["gmpy2.is_strong_bpsw_prp"] = _mapped(self._gmpy2.is_strong_bpsw_prp, integers)
                if self._library is not None:
                    ways["gmp.mpz_probab_prime_p"] = native_way(
                        self._library["__gmpz_probab_prime_p"], GmpIntegers(numbers), REPETITIONS
                    )
        return ways


def _mapped(function: Any, *arguments: Any) -> Loop:
    return Loop(lambda: list(map(function, *arguments)))
