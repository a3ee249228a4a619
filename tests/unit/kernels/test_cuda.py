"""The tests for GPUs, without one: in numba's simulator, and as compiled for the CPU."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from math import prod
from pathlib import Path

import gmpy2
import newral_testing
import numpy as np
import pytest

from newral_kernels import primality
from newral_kernels.cuda import batch, gpu
from newral_kernels.cuda.columns import columns

HARD = [
    # Strong pseudoprimes to the first primes as bases (Jaeschke, 1993; Jiang and Deng, 2014).
    *(2047, 1373653, 25326001, 3215031751, 2152302898747, 3474749660383, 341550071728321),
    *(3825123056546413051, 318665857834031151167461, 3317044064679887385961981),
    # Strong, and extra strong, Lucas pseudoprimes.
    *(5459, 5777, 10877, 16109, 989, 3239, 27971, 29681),
    # Squares of primes: of Wieferich's, which pass to base 2, and others.
    *(1093**2, 3511**2, (2**32 - 5) ** 2, (2**61 - 1) ** 2, (2**63 - 25) ** 2),
    # Carmichael numbers of Chernick's form (6k + 1)(12k + 1)(18k + 1).
    *(prod((6 * k + 1, 12 * k + 1, 18 * k + 1)) for k in (1, 6, 380, 100_000_200)),
    # Mersenne numbers with prime exponents: all pass to base 2.
    *(2**p - 1 for p in (31, 61, 67, 101, 103, 107, 127)),
]
BOUNDARIES = [
    power + offset
    for power in (2**31, 2**32, 2**63, 2**64, 2**65, 2**96, 2**126)
    for offset in (-59, -25, -5, -3, -1, 1, 7, 13, 15, 29)
] + [2**127 - offset for offset in (1, 3, 5, 25, 39)]


def script(name: str, numbers: list[int]) -> dict[str, list[int]]:
    path = Path(newral_testing.__file__).with_name(name)
    done = subprocess.run(
        [sys.executable, path],
        input=json.dumps(numbers),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, list[int]] = json.loads(done.stdout)
    return answers


def is_extra_strong_lucas_probable_prime(n: int) -> bool:
    """gmpy2's test for the first parameter that has the symbol −1."""
    if gmpy2.is_square(n):
        return False
    p = 3
    while (symbol := gmpy2.jacobi(p * p - 4, n)) != -1:
        if symbol == 0 and (p * p - 4) % n:
            return False
        p += 1
    return bool(gmpy2.is_extra_strong_lucas_prp(n, p))


def assert_right(answers: list[int], expected: Callable[[int], bool], numbers: list[int]) -> None:
    wrong = [n for n, answer in zip(numbers, answers, strict=True) if answer != expected(n)]
    assert not wrong


def test_the_simulated_gpu_agrees_with_the_slow_reference() -> None:
    numbers = [*range(20), *range(113, 141), *BOUNDARIES[::3], *HARD, 2**64, 2**64 + 2]
    answers = script("run_cuda_simulator.py", numbers)
    bpsw = primality.is_bpsw_probable_prime
    assert_right(answers["bpsw"], bpsw, numbers)
    assert_right(answers["bpsw, extra strong"], bpsw, numbers)
    assert_right(answers["strong lucas"], primality.is_strong_lucas_probable_prime, numbers)
    assert_right(answers["strong"], lambda n: primality.is_strong_probable_prime(n, 2), numbers)
    base = 10**18 + 9
    assert_right(
        answers["strong to 10^18 + 9"],
        lambda n: primality.is_strong_probable_prime(n, base),
        numbers,
    )
    assert [n for n, one in zip(numbers, answers["extra strong lucas"], strict=True) if one] == [
        n for n in numbers if bpsw(n) or n in (989, 3239, 5777, 10877, 27971, 29681)
    ]


def test_the_compiled_device_code_agrees_with_gmpy2() -> None:
    drawn = random.Random(20261121)
    odd = [
        drawn.getrandbits(bits) | 1 << (bits - 1) | 1
        for bits in (33, 48, 63, 64, 65, 80, 96, 110, 126, 127)
        for _ in range(1_000)
    ]
    primes = [int(gmpy2.prev_prime(n)) for n in odd[::5]]
    products = [p * q for p, q in itertools.pairwise(primes) if p * q < 2**127]
    numbers = [*range(3, 40_000, 2), *BOUNDARIES, *HARD, *odd, *primes, *products]
    answers = script("run_device_code_on_cpu.py", numbers)
    assert_right(answers["strong"], lambda n: gmpy2.is_strong_prp(n, 2), numbers)
    assert_right(answers["strong lucas"], gmpy2.is_strong_selfridge_prp, numbers)
    assert_right(answers["extra strong lucas"], is_extra_strong_lucas_probable_prime, numbers)
    primorial = gmpy2.primorial(127) // 2
    assert_right(answers["no small factor"], lambda n: gmpy2.gcd(n, primorial) == 1, numbers)


def test_a_gpu_is_measured_beside_the_cpu() -> None:
    code = """if True:
        import json
        from newral_kernels.benchmark import catalogue
        from newral_kernels.benchmark.rows import Effort
        name = "cuda.is_bpsw_probable_prime"
        assert name in catalogue.names()
        rows = catalogue.rows([name], [], Effort(rounds=1, row_s=0, share=1e-6))
        print(json.dumps([row.to_json() for row in rows]))
    """
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["bits"] for row in rows] == [64, 64, 80, 80, 96, 96, 126, 126]
    assert all(list(row["peers"]) == ["newral_kernels.batch on one core"] for row in rows)


def test_a_machine_that_lacks_the_package_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu.missing.cache_clear()
    monkeypatch.setitem(sys.modules, "numba.cuda", None)
    with pytest.raises(gpu.GpuUnavailableError, match=r"pip install 'newral\[cuda\]'"):
        batch.is_bpsw_probable_prime([2**61 - 1])
    gpu.missing.cache_clear()


def test_a_machine_without_a_gpu_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba import cuda

    gpu.missing.cache_clear()
    monkeypatch.setattr(cuda, "is_available", lambda: False)
    with pytest.raises(gpu.GpuUnavailableError, match="no NVIDIA GPU"):
        batch.is_strong_probable_prime([2**61 - 1])
    gpu.missing.cache_clear()


@pytest.fixture
def claimed_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused is refused before anything is launched."""
    monkeypatch.setattr(gpu, "require", lambda: None)


@pytest.mark.usefixtures("claimed_gpu")
@pytest.mark.parametrize("n", [-1, 2**127, 2**200])
def test_a_number_beyond_two_words_is_refused_with_the_limit(n: int) -> None:
    for test in (
        batch.is_strong_probable_prime,
        batch.is_strong_lucas_probable_prime,
        batch.is_extra_strong_lucas_probable_prime,
        batch.is_bpsw_probable_prime,
    ):
        with pytest.raises(ValueError, match=rf"^{n} is not from 0 to 2\^127 - 1"):
            test([7, n])


@pytest.mark.usefixtures("claimed_gpu")
def test_a_base_that_tells_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="base 15 is a multiple of 5"):
        batch.is_strong_probable_prime([5], 15)
    for base in (0, 1, 2**64):
        with pytest.raises(ValueError, match=r"outside \[2, 2\^64\)"):
            batch.is_strong_probable_prime([5], base)


@pytest.mark.usefixtures("claimed_gpu")
def test_an_unknown_lucas_test_is_refused() -> None:
    with pytest.raises(ValueError, match="there are strong, extra strong"):
        batch.is_bpsw_probable_prime([7], lucas_variant="weak")  # type: ignore[arg-type]


def test_arrays_of_words_are_the_numbers_they_stand_for() -> None:
    numbers = [0, 7, 2**64 - 1, 2**64, 2**127 - 1]
    pairs = np.array([[n % 2**64, n >> 64] for n in numbers], dtype=np.uint64)
    assert columns(pairs).tolist() == columns(numbers).tolist()
    assert columns(np.array([0, 7], dtype=np.uint32)).tolist() == columns([0, 7]).tolist()
    words = np.array(numbers[:3], dtype=np.uint64)
    assert columns(words).tolist() == columns(numbers[:3]).tolist()
    with pytest.raises(ValueError, match=rf"^{2**127} is not from 0 to"):
        columns(np.array([[7, 0], [0, 2**63]], dtype=np.uint64))
    with pytest.raises(ValueError, match=r"the shape \(m\) or \(m, 2\), not \(2, 3\)"):
        columns(np.zeros((2, 3), dtype=np.uint64))


@pytest.mark.usefixtures("claimed_gpu")
def test_nothing_is_launched_for_no_numbers() -> None:
    assert batch.is_bpsw_probable_prime([]).tolist() == []
    assert (
        batch.is_bpsw_probable_prime([0, 1, 2, 4, 2**126]).tolist()
        == [False] * 2 + [True] + [False] * 2
    )
