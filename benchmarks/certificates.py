"""Certificates: made, verified, beside PARI and GMP. PARI is cypari, of the group `bench`."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import gmpy2
from cypari import pari
from timing import best_s

from newral_kernels.certificates.n_minus_1 import prove_by_n_minus_1
from newral_kernels.certificates.pari import STACK_BYTES, prove_by_elliptic_curves
from newral_kernels.certificates.verify import violation
from newral_kernels.factoring.complete import prime_factors
from newral_kernels.registry import get

SEED = 7
PRIMES = 40


def primes(bits: int, count: int) -> list[int]:
    """The same random primes every time."""
    rng = random.Random(f"{SEED} {bits}")
    starts = (rng.getrandbits(bits - 1) | 1 << (bits - 1) for _ in range(count))
    return [int(gmpy2.next_prime(start)) for start in starts]


def show(what: str, count: int, ours_s: float, peers: dict[str, float], note: str = "") -> None:
    """Times for each, and how many times as long ours takes as the peers'."""
    print(f"{what}: {ours_s / count * 1e6:,.1f} µs{note}")
    for name, seconds in peers.items():
        times = ours_s / seconds
        print(f"    {times:6.2f} times as long as {name}: {seconds / count * 1e6:,.1f} µs")


def korselt() -> None:
    """Checking Carmichael numbers below 10^18 from their JSON, beside the bare arithmetic."""
    items: list[dict[str, Any]] = []
    rng = random.Random(SEED)
    while len(items) < 400:  # Chernick's numbers
        k = rng.randrange(1, 91_000)
        factors = [6 * k + 1, 12 * k + 1, 18 * k + 1]
        n = factors[0] * factors[1] * factors[2]
        if n < 10**18 and all(map(gmpy2.is_prime, factors)):
            items.append({"n": str(n), "factors": factors})
    unit = {"items": items}
    kernel = get("korselt")
    result = kernel.run(unit, progress=lambda _: None, checkpoint=lambda _: None)
    assert len(result["items"]) + len(result["rejected"]) > 300

    def bare() -> bool:
        return all(
            all((int(item["n"]) - 1) % (p - 1) == 0 and gmpy2.is_prime(p) for p in item["factors"])
            for item in items
        )

    ours_s, bare_s = best_s(lambda: kernel.check(unit, result), bare)
    peers = {"Korselt's criterion and gmpy2's is_prime, nothing else checked": bare_s}
    show("korselt, check of a number below 10^18", len(items), ours_s, peers)


def by_n_minus_1(bits: int) -> None:
    """Made and verified, beside PARI's certificates of the same sort."""
    numbers = primes(bits, PRIMES)
    certificates = [prove_by_n_minus_1(n) for n in numbers]
    sizes = sorted(len(json.dumps(c.to_json(), separators=(",", ":"))) for c in certificates)
    ours_s, pari_s = best_s(
        lambda: [prove_by_n_minus_1(n) for n in numbers],
        lambda: [pari(n).primecert(1) for n in numbers],
        rounds=3,
    )
    note = f" on average; {sizes[0]} to {sizes[-1]} bytes, median {sizes[PRIMES // 2]}"
    show(f"prime of {bits} bits by N - 1, made", PRIMES, ours_s, {"PARI": pari_s}, note)
    verified_s, test_s = best_s(
        lambda: [violation(certificate) for certificate in certificates],
        lambda: [gmpy2.is_prime(n) for n in numbers],
    )
    peers = {"gmpy2's is_prime, no proof": test_s}
    show(f"prime of {bits} bits by N - 1, verified", PRIMES, verified_s, peers)


def by_elliptic_curves(bits: int, count: int) -> None:
    """Made by PARI, verified by us."""
    numbers = primes(bits, count)
    (made_s,) = best_s(lambda: [prove_by_elliptic_curves(n) for n in numbers], rounds=2)
    certificates = [prove_by_elliptic_curves(n) for n in numbers]
    theirs = [pari(n).primecert() for n in numbers]
    size = sum(len(json.dumps(c.to_json())) for c in certificates) // count
    show(f"prime of {bits} bits by curves, made and verified", count, made_s, {}, f"; {size} bytes")
    is_valid: Callable[[Any], Any] = pari("primecertisvalid")
    assert all(violation(certificate) is None for certificate in certificates)
    assert all(map(is_valid, theirs))
    ours_s, pari_s = best_s(
        lambda: [violation(certificate) for certificate in certificates],
        lambda: [is_valid(certificate) for certificate in theirs],
    )
    peers = {"PARI's primecertisvalid": pari_s}
    show(f"prime of {bits} bits by curves, verified", count, ours_s, peers)


def factoring(bits: int, count: int) -> None:
    """Random numbers, and the hardest: products of two primes of half the size."""
    rng = random.Random(SEED)
    hard = zip(primes(bits // 2, count), primes(bits - bits // 2, count)[::-1], strict=True)
    for what, numbers in (
        ("random", [rng.getrandbits(bits) | 1 << (bits - 1) for _ in range(count)]),
        ("two equal primes", [p * q for p, q in hard]),
    ):
        ours_s, pari_s = best_s(
            lambda numbers=numbers: [prime_factors(n) for n in numbers],  # type: ignore[misc]
            lambda numbers=numbers: [pari(n).factorint() for n in numbers],  # type: ignore[misc]
            rounds=2,
        )
        show(f"{bits} bits factored, {what}", count, ours_s, {"PARI's factorint": pari_s})


def main() -> None:
    """All of it takes about a minute."""
    pari.allocatemem(STACK_BYTES, STACK_BYTES, silent=True)
    korselt()
    for bits in (80, 96, 112, 128):
        by_n_minus_1(bits)
    for bits, count in ((256, 10), (512, 5), (1024, 1)):
        by_elliptic_curves(bits, count)
    for bits in (80, 96, 112, 128):
        factoring(bits, 8)


if __name__ == "__main__":
    main()
