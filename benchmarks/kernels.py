"""The two searches, beside the short loops that one would write with gmpy2."""

from __future__ import annotations

import gmpy2
from timing import best_s, report

from newral_kernels import registry
from newral_kernels.bpsw_criterion import FILTER_BELOW
from newral_kernels.sieve import odd_flags, primes_below

BPSW_START = 2**64
BPSW_STOP = BPSW_START + 2_000_000
CARMICHAEL_BOUND = 10**6


def run(name: str, params: dict[str, str]) -> dict[str, object]:
    """All units of a job, here and one after the other."""
    kernel = registry.get(name)
    valid = kernel.validate(params)
    results = [
        kernel.run(unit, progress=lambda _: None, checkpoint=lambda _: None)
        for unit in kernel.plan(valid)
    ]
    return dict(kernel.reduce(valid, results))


def our_bpsw() -> int:
    """The kernel: every residue goes into a leaf that another provider must reproduce."""
    answer = run("bpsw", {"start": str(BPSW_START), "stop": str(BPSW_STOP)})
    return int(str(answer["probable_primes"]))


def bpsw_loop() -> int:
    """gmpy2's test of every odd number."""
    numbers = range(BPSW_START + 1, BPSW_STOP, 2)
    return sum(gmpy2.is_strong_bpsw_prp(n) for n in numbers)


def sieved_bpsw_loop() -> int:
    """gmpy2's test of what the kernel's own filter leaves."""
    flags = odd_flags(BPSW_START, BPSW_STOP, primes_below(FILTER_BELOW))
    first = BPSW_START + 1
    return sum(gmpy2.is_strong_bpsw_prp(first + 2 * i) for i, flag in enumerate(flags) if flag)


def our_carmichael() -> int:
    """The kernel: preproducts, with a proof for each number found."""
    return int(str(run("carmichael", {"bound": str(CARMICHAEL_BOUND)})["count"]))


def korselt_scan() -> int:
    """Every odd number: factor it by a sieve of smallest factors, then Korselt's criterion."""
    smallest = list(range(CARMICHAEL_BOUND))
    for p in range(3, int(CARMICHAEL_BOUND**0.5) + 1, 2):
        if smallest[p] == p:
            for multiple in range(p * p, CARMICHAEL_BOUND, 2 * p):
                if smallest[multiple] == multiple:
                    smallest[multiple] = p
    return sum(_is_carmichael(n, smallest) for n in range(3, CARMICHAEL_BOUND, 2))


def _is_carmichael(n: int, smallest: list[int]) -> bool:
    if smallest[n] == n:
        return False
    rest = n
    while rest > 1:
        p = smallest[rest]
        rest //= p
        if rest % p == 0 or (n - 1) % (p - 1):
            return False
    return True


def fermat_scan() -> int:
    """Every odd number: the Korselt scan's answer for those that pass gmpy2's Fermat test."""
    passed = [n for n in range(3, CARMICHAEL_BOUND, 2) if gmpy2.is_fermat_prp(n, 2)]
    return sum(_korselt_by_trial_division(n) for n in passed if not gmpy2.is_prime(n))


def _korselt_by_trial_division(n: int) -> bool:
    rest, p = n, 3
    while rest > 1:
        if p * p > rest:
            p = rest
        if rest % p == 0:
            rest //= p
            if rest % p == 0 or (n - 1) % (p - 1):
                return False
        p += 2
    return True


def main() -> None:
    """Check that all ways agree, then time them."""
    assert our_bpsw() == bpsw_loop() == sieved_bpsw_loop()
    ours_s, loop_s, sieved_s = best_s(our_bpsw, bpsw_loop, sieved_bpsw_loop, rounds=3)
    peers = {"gmpy2's test of each": loop_s, "gmpy2's test after our filter": sieved_s}
    report("bpsw from 2^64", (BPSW_STOP - BPSW_START) // 2, "odd numbers", ours_s, peers)

    assert our_carmichael() == korselt_scan() == fermat_scan()
    ours_s, korselt_s, fermat_s = best_s(our_carmichael, korselt_scan, fermat_scan, rounds=3)
    peers = {"a Korselt scan by sieve": korselt_s, "a Fermat scan with gmpy2": fermat_s}
    report("carmichael to 10^6", CARMICHAEL_BOUND, "numbers covered", ours_s, peers)


if __name__ == "__main__":
    main()
