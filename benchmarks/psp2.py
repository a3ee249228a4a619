"""The search for base-2 pseudoprimes, beside gmpy2 on the same progressions, and PARI's orders.

python benchmarks/psp2.py           # some seconds
python benchmarks/psp2.py interval  # all of an interval of 10^15 from 1.96·10^19: some minutes
"""

from __future__ import annotations

import math
import sys
import time

import gmpy2
from cypari import pari
from timing import best_s, report

from newral_kernels.orders import primes_with_orders
from newral_kernels.psp2 import Psp2
from newral_kernels.psp2_domain import Domain

START = 196 * 10**17
SMALL_P = Domain(START, START + 10**12, 60_000, 60_500)
LARGE_P = (4 * 10**9, 4 * 10**9 + 10**6)
SIEVED_BELOW = 1000
INTERVAL = 10**15


def search(domain: Domain) -> int:
    """The kernel, with leaves that another provider must reproduce."""
    unit = domain.to_unit()
    return len(list(Psp2().run(unit, progress=lambda _: None, checkpoint=lambda _: None)["items"]))


def gmpy2_loop(domain: Domain) -> int:
    """Every term of the same progressions that has no small factor, by one power of 2."""
    primorial = gmpy2.primorial(SIEVED_BELOW)
    found = 0
    primes, orders = primes_with_orders(domain.low, domain.high)
    for p, order in zip(primes.tolist(), orders.tolist(), strict=True):
        step = math.lcm(order, 2)
        low = max(-(-domain.start // p), p)
        for s in range(low + (1 - low) % step, -(-domain.stop // p), step):
            if gmpy2.gcd(s, primorial) == 1 and gmpy2.powmod(2, p * s - 1, s) == 1:
                found += 1
    return found


def terms(domain: Domain) -> int:
    """How many they are."""
    primes, orders = primes_with_orders(domain.low, domain.high)
    return sum(
        domain.width // (p * math.lcm(order, 2))
        for p, order in zip(primes.tolist(), orders.tolist(), strict=True)
    )


def pari_orders(low: int, high: int) -> int:
    """PARI's sieve and `znorder`, in its own interpreter's loop."""
    return int(pari(f"my(c = 0); forprime(p = {low}, {high}, c += znorder(Mod(2, p)) > 0); c"))


def interval() -> None:
    """All units of 10^15 numbers, the cost that was foretold beside each one's time."""
    kernel = Psp2()
    kernel.prepare()
    valid = kernel.validate({"start": START, "stop": START + INTERVAL})
    results, ratios, total = [], [], 0.0
    for unit in kernel.plan(valid):
        before = time.process_time()
        results.append(kernel.run(unit, progress=lambda _: None, checkpoint=lambda _: None))
        seconds = time.process_time() - before
        total += seconds
        ratios.append(seconds / kernel.cost(unit))
    answer = kernel.reduce(valid, results)
    ratios.sort()
    print(f"{answer['count']} base-2 pseudoprimes, {answer['by_factors']} by prime factors")
    print(f"{total:.1f} s in {len(ratios)} units, {kernel.estimate(valid).cost_s:.1f} s foretold")
    print(f"time by cost of a unit: median {ratios[len(ratios) // 2]:.2f}, from {ratios[0]:.2f}")
    print(f"to {ratios[-1]:.2f}; digest {answer['digest']}")


def main() -> None:
    Psp2().prepare()
    assert search(SMALL_P) == gmpy2_loop(SMALL_P)
    ours_s, peer_s = best_s(lambda: search(SMALL_P), lambda: gmpy2_loop(SMALL_P), rounds=3)
    report("psp2, terms", terms(SMALL_P), "terms", ours_s, {"gmpy2's powmod, in a loop": peer_s})

    low, high = LARGE_P
    count = len(primes_with_orders(low, high)[0])
    assert pari_orders(low, high) == count
    ours_s, peer_s = best_s(
        lambda: primes_with_orders(low, high), lambda: pari_orders(low, high), rounds=3
    )
    report("orders of 2 near 4·10^9", count, "primes", ours_s, {"PARI's znorder": peer_s})


if __name__ == "__main__":
    interval() if sys.argv[1:] == ["interval"] else main()
