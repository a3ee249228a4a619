"""The primality tests, number by number, beside every peer that has the same test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from newral_kernels import primality
from newral_kernels.benchmark.inputs import PRIMES, RANDOM_ODD, numbers
from newral_kernels.benchmark.peers.peer import Peer
from newral_kernels.benchmark.rows import Effort, Row
from newral_kernels.benchmark.ways import Loop, Way, best_seconds, require_agreement

OURS: Final[dict[str, Callable[[Sequence[int]], Iterable[object]]]] = {
    "is_strong_probable_prime": lambda ns: [primality.is_strong_probable_prime(n, 2) for n in ns],
    "is_strong_lucas_probable_prime": lambda ns: [
        primality.is_strong_lucas_probable_prime(n) for n in ns
    ],
    "is_bpsw_probable_prime": lambda ns: [primality.is_bpsw_probable_prime(n) for n in ns],
}

NUMBERS: Final = {
    64: 50_000,
    80: 20_000,
    96: 20_000,
    126: 10_000,
    256: 4_000,
    512: 1_000,
    1024: 200,
}
"""Random odd numbers in a round, by their bits: milliseconds of each way."""

PRIMES_SHARE: Final = 0.2
"""Of primes there are fewer: most random odd numbers fall to a trial division."""


def primality_rows(function: str, peers: Iterable[Peer], effort: Effort) -> Iterator[Row]:
    """One row for each size and kind of input."""
    for bits, count in NUMBERS.items():
        yield _row(function, bits, RANDOM_ODD, effort.of(count), peers, effort.rounds)
        primes = effort.of(round(count * PRIMES_SHARE))
        yield _row(function, bits, PRIMES, primes, peers, effort.rounds)


def _row(
    function: str, bits: int, kind: str, count: int, peers: Iterable[Peer], rounds: int
) -> Row:
    tested = numbers(kind, bits, count)
    ours = OURS[function]
    ways: dict[str, Way] = {"ours": Loop(lambda: ours(tested))}
    for peer in peers:
        ways.update(peer.ways(function, tested))
    require_agreement(ways, tested)
    ns = {name: 1e9 * best / count for name, best in best_seconds(ways, rounds).items()}
    return Row(function=function, bits=bits, input=kind, ours_ns=ns.pop("ours"), peers=ns)
