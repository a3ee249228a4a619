"""The primality tests beside GMP, FLINT, PARI and Math::Prime::Util, and what they aim at.

Arguments: names of functions, as `newral kernel bench` knows them; all primality tests by default.
"""

from __future__ import annotations

import sys

from newral_kernels.benchmark import catalogue, peers
from newral_kernels.benchmark.inputs import PRIMES, RANDOM_ODD
from newral_kernels.benchmark.primality_rows import OURS
from newral_kernels.benchmark.rows import FULL, Row

TARGETS = {
    (64, RANDOM_ODD): 0.6,
    (64, PRIMES): 0.6,
    (80, PRIMES): 0.4,
    (96, PRIMES): 0.27,
    (126, PRIMES): 0.27,
    **{(bits, kind): 1.05 for bits in (256, 512, 1024) for kind in (RANDOM_ODD, PRIMES)},
}
"""Our time over the fastest peer's, at most, in the Baillie-PSW test."""


def report(row: Row) -> None:
    """Our time, and the ratio of it to each peer's."""
    print(f"{row.function}, {row.bits} bits, {row.input}: {row.ours_ns:,.1f} ns")
    for name, ns in sorted(row.peers.items(), key=lambda peer: peer[1]):
        print(f"    {row.ours_ns / ns:6.3f} of {name}: {ns:,.1f} ns")
    target = TARGETS.get((row.bits, row.input))
    if row.function == "is_bpsw_probable_prime" and target is not None and row.ratio_to_best:
        reached = "reached" if row.ratio_to_best <= target else "missed"
        print(
            f"    {row.ratio_to_best:6.3f} of the fastest; at most {target} is aimed at: {reached}"
        )


def main() -> None:
    """Measure one row after the other."""
    found = peers.find()
    for name, peer in found.present.items():
        print(f"beside {name} {peer.version}")
    for name, install in found.absent.items():
        print(f"without {name}, which is not installed: {install}")
    for row in catalogue.rows(sys.argv[1:] or OURS, found.present.values(), FULL):
        report(row)


if __name__ == "__main__":
    main()
