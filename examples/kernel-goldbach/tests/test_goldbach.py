"""The kernel computes what it says, and keeps the promises of every kernel."""

from __future__ import annotations

import pytest
from newral_goldbach.kernel import Goldbach
from newral_goldbach.partitions import least_primes

from newral_kernels.conformance import CHECKS, Check, Job

# A few units, each of several parts.
JOB = Job(Goldbach(), {"start": "6", "stop": "400_000"})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_conforms(check: Check) -> None:
    check(JOB)


def test_least_primes_are_those_of_the_obvious_way() -> None:
    def is_prime(n: int) -> bool:
        return n > 1 and all(n % d for d in range(2, n))

    expected = [
        next(p for p in range(3, n) if is_prime(p) and is_prime(n - p)) for n in range(6, 400, 2)
    ]
    assert least_primes(6, 400) == expected


def test_the_first_records_are_known() -> None:
    # OEIS A025019: 3, 5, 7, 19, 23, 31, 47, 73, 103, 139, 173, … at 6, 12, 30, 98, 220, …
    answer = Goldbach().reduce(JOB.params, JOB.results)
    records = [(int(str(each["n"])), each["p"]) for each in answer["records"]]
    assert records[:7] == [(6, 3), (12, 5), (30, 7), (98, 19), (220, 23), (308, 31), (556, 47)]
    assert answer["exceptions"] == []
    assert answer["tested"] == (400_000 - 6) // 2
