"""Math::Prime::Util, in a Perl of its own that times its own loop."""

from __future__ import annotations

import shutil
import subprocess
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from newral_kernels.benchmark.peers.peer import WORD_BITS, Peer, PeerAbsentError, Ways
from newral_kernels.benchmark.ways import Way

_SCRIPT: Final = Path(__file__).with_suffix(".pl")
_MODULES: Final = ("-MMath::Prime::Util", "-MMath::Prime::Util::GMP")
_VERSION: Final = "print $Math::Prime::Util::VERSION"
_INSTALL: Final = (
    "apt install libmath-prime-util-perl libmath-prime-util-gmp-perl,"
    " or cpan Math::Prime::Util Math::Prime::Util::GMP"
)

_FUNCTIONS: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    "is_strong_probable_prime": ("is_strong_pseudoprime", (2,)),
    "is_lucas_probable_prime": ("is_lucas_pseudoprime", ()),
    "is_strong_lucas_probable_prime": ("is_strong_lucas_pseudoprime", ()),
    "is_extra_strong_lucas_probable_prime": ("is_extra_strong_lucas_pseudoprime", ()),
    "is_almost_extra_strong_lucas_probable_prime": (
        "is_almost_extra_strong_lucas_pseudoprime",
        (),
    ),
    "is_bpsw_probable_prime": ("is_prob_prime", ()),
}


class MathPrimeUtil(Peer):
    """Its C code for words, its GMP code beyond, without the dispatch in Perl between them."""

    def __init__(self) -> None:
        perl = shutil.which("perl")
        if perl is None:
            raise PeerAbsentError(_INSTALL)
        done = subprocess.run(
            [perl, *_MODULES, "-e", _VERSION], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise PeerAbsentError(_INSTALL)
        self._perl = perl
        self.version = done.stdout

    def ways(self, function: str, numbers: Sequence[int]) -> Ways:
        """The function of the same name; of `is_prob_prime` the documentation says Baillie-PSW."""
        if function not in _FUNCTIONS:
            return {}
        name, more = _FUNCTIONS[function]
        words = max(numbers).bit_length() <= WORD_BITS
        module = "Math::Prime::Util" if words else "Math::Prime::Util::GMP"
        way: Way = _PerlWay(self._perl, f"{module}::{name}", numbers, more)
        return {f"math-prime-util.{name}": way}


class _PerlWay:
    """One function, with the numbers in Perl's memory."""

    def __init__(
        self, perl: str, function: str, numbers: Sequence[int], more: Sequence[int]
    ) -> None:
        self._process = subprocess.Popen(
            [perl, str(_SCRIPT), function, *map(str, more)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        weakref.finalize(self, _end, self._process)
        self._write(" ".join(map(str, numbers)))

    def answers(self) -> list[bool]:
        """What it says of each number."""
        return [answer == "1" for answer in self._ask("answers")]

    def seconds(self) -> float:
        """Perl's processor time for one round, less that of a loop of calls that do nothing."""
        return float(self._ask("seconds"))

    def _ask(self, command: str) -> str:
        self._write(command)
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()


def _end(process: subprocess.Popen[str]) -> None:
    process.communicate()
