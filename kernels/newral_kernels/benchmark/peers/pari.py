"""PARI, as cypari brings it along."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from importlib import import_module

from newral_kernels.benchmark.peers.multiprecision import PariIntegers
from newral_kernels.benchmark.peers.peer import Peer, PeerAbsentError, Ways, native_way


class Pari(Peer):
    """`BPSW_psp`, which is what GP's `ispseudoprime(n)` calls."""

    def __init__(self) -> None:
        try:
            import cypari  # type: ignore[import-untyped]
        except ImportError as error:
            raise PeerAbsentError("pip install cypari") from error
        # Importing it starts PARI; its functions are in the extension itself.
        self._library = ctypes.CDLL(import_module("cypari._pari").__file__)
        self.version = ".".join(map(str, cypari.pari("version()")))

    def ways(self, function: str, numbers: Sequence[int]) -> Ways:
        """The Baillie-PSW test; PARI exports no other that we have."""
        if function != "is_bpsw_probable_prime":
            return {}
        integers = PariIntegers(self._library, numbers)
        return {"pari.BPSW_psp": native_way(self._library["BPSW_psp"], integers)}
