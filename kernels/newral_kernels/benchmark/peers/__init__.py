"""The libraries that specialists use today, each there or not.

C libraries are called from compiled code, so that Python's price of a call is not held against
them; Perl's is subtracted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from newral_kernels.benchmark.peers.flint import Flint
from newral_kernels.benchmark.peers.gmp import Gmp
from newral_kernels.benchmark.peers.math_prime_util import MathPrimeUtil
from newral_kernels.benchmark.peers.pari import Pari
from newral_kernels.benchmark.peers.peer import Peer, PeerAbsentError

_PEERS: Final[dict[str, Callable[[], Peer]]] = {
    "GMP": Gmp,
    "FLINT": Flint,
    "PARI": Pari,
    "Math::Prime::Util": MathPrimeUtil,
}


class Found(NamedTuple):
    """The peers that are here, and how to install each of those that are not."""

    present: dict[str, Peer]
    absent: dict[str, str]


def find() -> Found:
    """Load every peer that this machine has."""
    found = Found({}, {})
    for name, load in _PEERS.items():
        try:
            found.present[name] = load()
        except PeerAbsentError as absent:
            found.absent[name] = str(absent)
    return found
