"""The primality tests, number by number, beside every peer that has the same test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np

from newral_kernels import batch
from newral_kernels.benchmark.inputs import PRIMES, RANDOM_ODD, numbers
from newral_kernels.benchmark.peers.peer import WORD_BITS, Peer
from newral_kernels.benchmark.rows import Effort, Row
from newral_kernels.benchmark.ways import Loop, Way, best_seconds, require_agreement
from newral_kernels.double_words import DOUBLE_WORD_BITS_MAX
from newral_kernels.widths import Numbers

OURS: Final[dict[str, Callable[[Numbers], Iterable[object]]]] = {
    "is_bpsw_probable_prime": batch.is_bpsw_probable_prime,
    "is_strong_probable_prime": batch.is_strong_probable_prime,
    "is_lucas_probable_prime": batch.is_lucas_probable_prime,
    "is_strong_lucas_probable_prime": batch.is_strong_lucas_probable_prime,
    "is_extra_strong_lucas_probable_prime": batch.is_extra_strong_lucas_probable_prime,
    "is_almost_extra_strong_lucas_probable_prime": (
        batch.is_almost_extra_strong_lucas_probable_prime
    ),
}

NUMBERS: Final = {
    64: 50_000,
    80: 20_000,
    96: 20_000,
    126: 10_000,
    256: 4_000,
    512: 1_000,
    1024: 400,
}
"""Of a round, by their bits: milliseconds of each way."""

WHOLE_TEST_SHARE: Final = 0.2
"""Of numbers for which no trial division ends the test early there are fewer."""


def primality_rows(function: str, peers: Iterable[Peer], effort: Effort) -> Iterator[Row]:
    """One row for each size and kind of input."""
    for bits, count in NUMBERS.items():
        for kind in (RANDOM_ODD, PRIMES):
            divided = kind == RANDOM_ODD and function == "is_bpsw_probable_prime"
            share = 1 if divided else WHOLE_TEST_SHARE
            yield _row(function, bits, kind, round(count * share), peers, effort)


def _row(
    function: str, bits: int, kind: str, usual: int, peers: Iterable[Peer], effort: Effort
) -> Row:
    count = effort.of(usual)
    tested = numbers(kind, bits, count)
    ours, loaded = OURS[function], _loaded(tested, bits)
    ways: dict[str, Way] = {"ours": Loop(lambda: ours(loaded))}
    for peer in peers:
        ways.update(peer.ways(function, tested))
    require_agreement(ways, tested)
    best = best_seconds(ways, effort.rounds, effort.row_s)
    ns = {name: 1e9 * seconds / count for name, seconds in best.items()}
    return Row(function=function, bits=bits, input=kind, ours_ns=ns.pop("ours"), peers=ns)


def _loaded(tested: list[int], bits: int) -> Numbers:
    """In the form that our tests read fastest; the peers' numbers are in theirs."""
    if bits <= WORD_BITS:
        return np.array(tested, dtype=np.uint64)
    if bits <= DOUBLE_WORD_BITS_MAX:
        return np.array([[n % 2**WORD_BITS, n >> WORD_BITS] for n in tested], dtype=np.uint64)
    return tested
