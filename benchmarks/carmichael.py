"""The tabulation of Carmichael numbers, beside PARI, and as far as wanted.

python benchmarks/carmichael.py               # some ten seconds
python benchmarks/carmichael.py --bound 1e16  # then a table up to 10^16: some minutes
"""

from __future__ import annotations

import argparse
import math
import resource
import time

from cypari import pari
from timing import best_s, report

from newral_kernels.carmichael import Carmichael
from newral_kernels.carmichael_preproducts import PREPRODUCT_MIN, PreproductRange
from newral_kernels.carmichael_view import KNOWN_COUNTS

BOUND = 10**10
PREPRODUCTS_BELOW = 20_000

# As in OEIS A002997, by D. Suteu: numbers with k primes, by preproducts; the last prime from the
# congruence modulo λ, and, which is new here, not above half of the others' product.
SCRIPT = """
carmichael(A, B, k) = {
  my(f(m, l, p, k) =
    my(list = List(), hi = sqrtnint(B\\m, k));
    if (p > hi, return(list));
    if (k == 1,
      p = max(p, ceil(A/m));
      my(t = lift(1/Mod(m, l)));
      while (t < p, t += l);
      forstep(q = t, min(hi, (m + 1)\\2), l,
        if ((m*q - 1) % (q - 1) == 0 && isprime(q), listput(list, m*q))),
      forprime(q = p, hi,
        if (gcd(m, q - 1) == 1, list = concat(list, self()(m*q, lcm(l, q - 1), q + 1, k - 1)))));
    list);
  #f(1, 1, 3, k)
}
"""

KERNEL = Carmichael()


def ours(bound: int) -> int:
    """All units of a job, one after the other, with leaves that another provider must reproduce."""
    params = KERNEL.validate({"bound": str(bound)})
    results = [
        KERNEL.run(unit, progress=lambda _: None, checkpoint=lambda _: None)
        for unit in KERNEL.plan(params)
    ]
    return int(str(KERNEL.reduce(params, results)["count"]))


def paris(bound: int) -> int:
    """The script, for each number of prime factors that is possible."""
    return sum(int(pari(f"carmichael(1, {bound - 1}, {k})")) for k in range(3, 9))


def table(bound: int) -> None:
    """Count, processor time and memory for each power of ten."""
    for power in range(9, math.floor(math.log10(bound)) + 1):
        start = time.process_time()
        count = ours(10**power)
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        assert count == KNOWN_COUNTS[power - 3]
        print(f"below 10^{power}: {count:>9,} in {seconds:8.2f} s, {peak} MiB", flush=True)


def small_preproducts() -> None:
    """Numbers up to 10^24 with small preproducts."""
    unit = PreproductRange(1, 10**24, PREPRODUCT_MIN, PREPRODUCTS_BELOW).to_unit()
    start = time.process_time()
    result = KERNEL.run(unit, progress=lambda _: None, checkpoint=lambda _: None)
    seconds = time.process_time() - start
    what = f"with preproducts below {PREPRODUCTS_BELOW:,}"
    print(f"{what}, below 10^24: {result['count']:,} in {seconds:.2f} s")


def main() -> None:
    """Check that both agree, then time them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bound", type=float, default=1e13, help="of the table")
    bound = round(parser.parse_args().bound)
    KERNEL.prepare()
    pari.allocatemem(2**28)
    pari(SCRIPT.replace("\n", ""))
    assert ours(BOUND) == paris(BOUND) == KNOWN_COUNTS[7]
    ours_s, paris_s = best_s(lambda: ours(BOUND), lambda: paris(BOUND), rounds=3)
    report("carmichael to 10^10", BOUND, "numbers covered", ours_s, {"PARI's script": paris_s})
    table(bound)
    small_preproducts()


if __name__ == "__main__":
    main()
