"""Every implementation of a stage, whichever this machine would choose, against the definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import gmpy2  # type: ignore[import-untyped]
import numpy as np
import pytest
from newral_testing.hard_numbers import PSI, WIEFERICH_SQUARES, chernick_numbers
from numpy.typing import NDArray

from newral_kernels import batch, large_numbers
from newral_kernels.lanes import dispatch
from newral_kernels.lanes.lucas import ALMOST, PLAIN, STRONG, keep_lucas
from newral_kernels.lanes.lucas_double import keep_lucas_double
from newral_kernels.lanes.lucas_ifma import keep_strong_lucas_ifma
from newral_kernels.lanes.lucas_parameters import EXTRA_STRONG, SELFRIDGE
from newral_kernels.lanes.lucas_wide import keep_lucas_wide
from newral_kernels.lanes.strong import keep_strong, keep_strong_2
from newral_kernels.lanes.strong_double import keep_strong_2_double, keep_strong_double
from newral_kernels.lanes.strong_ifma import keep_strong_ifma
from newral_kernels.lanes.strong_wide import keep_strong_2_wide
from newral_kernels.lanes.trial_division_wide import PRIMES_BELOW, keep_undivided_wide
from newral_kernels.lanes.wide import BITS_MAX, lucas_values, powers_of_two
from newral_kernels.primality import (
    is_lucas_probable_prime,
    is_strong_lucas_probable_prime,
    is_strong_probable_prime,
    selfridge_parameters,
    twos,
)
from newral_kernels.sieve import primes_below, primes_between
from newral_kernels.words import U64

Words = NDArray[U64]
Index = NDArray[np.int64]
Keep = Callable[[Words, Words, Index, Words], int]

needs_ifma = pytest.mark.skipif(not dispatch.has_ifma(), reason="no AVX-512 IFMA here")


def odd_numbers(least: int, bits: int) -> list[int]:
    """Odd n with least <= n < 2^bits: the ends, random ones of all sizes, primes, semiprimes."""
    rng = Random(bits)
    found = [*range(least, least + 200), *range(2**bits - 200, 2**bits), *PSI, *WIEFERICH_SQUARES]
    found += chernick_numbers(200)
    found += [rng.getrandbits(rng.randint(3, bits)) for _ in range(1500)]
    found += [rng.getrandbits(bits) for _ in range(500)]
    for _ in range(60):
        found.append(int(gmpy2.next_prime(rng.getrandbits(rng.randint(3, bits - 1)))))
        p = int(gmpy2.next_prime(rng.getrandbits(rng.randint(4, bits // 2 - 2))))
        for k in (1, 2, 3, 4):
            found += [p * (k * (p - 1) + 1), p * (k * (p + 1) - 1)]
    found += [odd * 2**e + sign for odd in (1, 3, 9) for e in range(3, bits) for sign in (1, -1)]
    rng.shuffle(found)
    return [n for n in found if n % 2 == 1 and max(least, 3) <= n < 2**bits]


def columns(numbers: list[int]) -> tuple[Words, Words]:
    lows = np.array([n % 2**64 for n in numbers], np.uint64)
    return lows, np.array([n >> 64 for n in numbers], np.uint64)


def word_strong_2(lows: Words, highs: Words, index: Index, residues: Words) -> int:
    alone = np.empty(len(residues), np.uint64)
    kept = keep_strong_2(lows, index, alone)
    residues[:, 0], residues[:, 1] = alone, 0
    return kept


def word_lucas(lows: Words, highs: Words, index: Index, residues: Words) -> int:
    alone = np.empty((len(residues), 2), np.uint64)
    kept = keep_lucas(lows, index, SELFRIDGE, STRONG, alone)
    residues[:] = 0
    residues[:, ::2] = alone
    return kept


def ifma_strong(base: int, limbs: int) -> Keep:
    return lambda lows, highs, index, residues: keep_strong_ifma(
        lows, highs, np.uint64(base), index, limbs, residues
    )


def ifma_lucas(limbs: int) -> Keep:
    return lambda lows, highs, index, residues: keep_strong_lucas_ifma(
        lows, highs, index, SELFRIDGE, limbs, residues
    )


def double_lucas(lows: Words, highs: Words, index: Index, residues: Words) -> int:
    return keep_lucas_double(lows, highs, index, SELFRIDGE, STRONG, residues)


def double_strong_3(lows: Words, highs: Words, index: Index, residues: Words) -> int:
    return keep_strong_double(lows, highs, np.uint64(3), index, residues)


STRONG_2 = [
    pytest.param(word_strong_2, 3, 64, id="words"),
    pytest.param(keep_strong_2_double, 2**64, 127, id="pairs"),
    pytest.param(ifma_strong(2, 2), 3, 97, id="two limbs", marks=needs_ifma),
    pytest.param(ifma_strong(2, 3), 3, 127, id="three limbs", marks=needs_ifma),
]
STRONG_3 = [
    pytest.param(double_strong_3, 2**64, 127, id="pairs"),
    pytest.param(ifma_strong(3, 2), 3, 97, id="two limbs", marks=needs_ifma),
    pytest.param(ifma_strong(3, 3), 3, 127, id="three limbs", marks=needs_ifma),
]
LUCAS = [
    pytest.param(word_lucas, 3, 64, id="words"),
    pytest.param(double_lucas, 2**64, 127, id="pairs"),
    pytest.param(ifma_lucas(2), 3, 97, id="two limbs", marks=needs_ifma),
    pytest.param(ifma_lucas(3), 3, 127, id="three limbs", marks=needs_ifma),
]


@pytest.mark.parametrize(("keep", "least", "bits"), STRONG_2)
def test_strong_tests_to_base_2(keep: Keep, least: int, bits: int) -> None:
    numbers = odd_numbers(least, bits)
    index, residues = np.arange(len(numbers)), np.empty((len(numbers), 2), np.uint64)
    passed = index[: keep(*columns(numbers), index, residues)]
    assert passed.tolist() == [i for i, n in enumerate(numbers) if is_strong_probable_prime(n, 2)]
    for n, (low, high) in zip(numbers, residues.tolist(), strict=True):
        assert low + (high << 64) == pow(2, -((n - 1) >> twos(n - 1)), n)


@pytest.mark.parametrize(("keep", "least", "bits"), STRONG_3)
def test_strong_tests_to_base_3(keep: Keep, least: int, bits: int) -> None:
    numbers = [n for n in odd_numbers(least, bits) if n % 3]
    index, residues = np.arange(len(numbers)), np.empty((len(numbers), 2), np.uint64)
    passed = index[: keep(*columns(numbers), index, residues)]
    assert passed.tolist() == [i for i, n in enumerate(numbers) if is_strong_probable_prime(n, 3)]
    for n, (low, high) in zip(numbers, residues.tolist(), strict=True):
        assert low + (high << 64) == pow(3, (n - 1) >> twos(n - 1), n)


def lucas_residues(n: int) -> tuple[int, int]:
    """V_d and V_(d+1) for P = 1/Q - 2 and Q = 1; zeros where there is no P."""
    parameters = selfridge_parameters(n)
    if parameters is None or gmpy2.gcd(parameters.q, n) != 1:
        return 0, 0
    p = (pow(parameters.q, -1, n) - 2) % n
    v, following = 2 % n, p
    for bit in bin((n + 1) >> twos(n + 1))[2:]:
        mixed = (v * following - p) % n
        square = ((following if bit == "1" else v) ** 2 - 2) % n
        v, following = (mixed, square) if bit == "1" else (square, mixed)
    return v, following


@pytest.mark.parametrize(("keep", "least", "bits"), LUCAS)
def test_strong_lucas_tests(keep: Keep, least: int, bits: int) -> None:
    numbers = odd_numbers(least, bits)
    index, residues = np.arange(len(numbers)), np.empty((len(numbers), 4), np.uint64)
    passed = index[: keep(*columns(numbers), index, residues)]
    assert passed.tolist() == [
        i for i, n in enumerate(numbers) if is_strong_lucas_probable_prime(n)
    ]
    for n, (v0, v1, w0, w1) in zip(numbers, residues.tolist(), strict=True):
        assert (v0 + (v1 << 64), w0 + (w1 << 64)) == lucas_residues(n)


@pytest.mark.parametrize("base", [3, 2**64 - 59])
def test_strong_tests_of_words_to_other_bases(base: int) -> None:
    numbers = [n for n in odd_numbers(3, 64) if base % n]
    index = np.arange(len(numbers))
    passed = index[: keep_strong(columns(numbers)[0], np.uint64(base), index)]
    assert passed.tolist() == [
        i for i, n in enumerate(numbers) if is_strong_probable_prime(n, base)
    ]


@pytest.mark.parametrize("bits", [96, 97, 98, 126, 127])
def test_the_chosen_code_holds_numbers_of_every_width(bits: int) -> None:
    numbers = odd_numbers(2**64, bits)
    lows, highs = columns(numbers)
    rows = np.empty((0, 2), np.uint64)
    index = np.arange(len(numbers))
    index = index[: dispatch.keep_strong(lows, highs, 2, index, rows)]
    index = index[: dispatch.keep_strong_lucas(lows, highs, index, SELFRIDGE, rows)]
    assert index.tolist() == [i for i, n in enumerate(numbers) if gmpy2.is_prime(n)]


def test_numbers_too_wide_for_compiled_code_are_refused() -> None:
    rows, index = np.empty((0, 2), np.uint64), np.zeros(1, np.int64)
    for keep in (
        lambda *pair: dispatch.keep_strong(*pair, 2, index, rows),
        lambda *pair: dispatch.keep_strong_lucas(*pair, index, SELFRIDGE, rows),
    ):
        keep(*columns([2**127 - 1]))
        with pytest.raises(ValueError, match=r"below 2\^127"):
            keep(*columns([2**127 + 1]))


@needs_ifma
@pytest.mark.parametrize("bits", [130, 253, 254, 1024, BITS_MAX])
def test_wide_powers_and_lucas_values(bits: int) -> None:
    rng = Random(bits)
    numbers = [2**bits - 1, 2 ** (bits - 1) + 1, *(rng.getrandbits(bits) | 1 for _ in range(7))]
    exponents = [n >> rng.randint(1, 70) for n in numbers]
    expected = [pow(2, k, n) for n, k in zip(numbers, exponents, strict=True)]
    assert powers_of_two(numbers, exponents) == expected
    ps = [3, 5, *(rng.randrange(n) for n in numbers[2:])]
    found = lucas_values(numbers, ps, [5] * len(numbers))
    for n, p, (v, w) in zip(numbers, ps, found, strict=True):
        assert (v - (p**5 - 5 * p**3 + 5 * p)) % n == 0
        assert (w - (p**6 - 6 * p**4 + 9 * p**2 - 2)) % n == 0


@needs_ifma
def test_a_number_too_wide_to_be_tested_with_others_is_refused() -> None:
    with pytest.raises(ValueError, match=f"the most is {BITS_MAX}"):
        powers_of_two([2**BITS_MAX + 1], [5])


def wide_numbers(bits: int) -> list[int]:
    """Odd n around a power of 2: random, primes, squares, semiprimes that pass single tests."""
    rng = Random(bits)
    found = [2**bits + offset for offset in range(-99, 100, 2)]
    found += [odd * 2**e + sign for odd in (1, 3) for e in (bits - 2, bits) for sign in (1, -1)]
    for _ in range(12):
        found += [rng.getrandbits(bits) | 1, rng.getrandbits(bits + 1) | 1]
        found.append(int(gmpy2.next_prime(rng.getrandbits(bits))))
        p = int(gmpy2.next_prime(rng.getrandbits(bits // 2)))
        found += [p * (k * (p + sign) - sign) for k in (1, 2, 3, 4) for sign in (1, -1)]
    return [n for n in found if n % 2 == 1 and n >= 2**127]


def passing(ns: list[int], keep: Callable[[Index], int]) -> list[int]:
    index = np.arange(len(ns))
    return index[: keep(index)].tolist()


@pytest.mark.parametrize("bits", [128, 190, 192, 250, 256, 320, 384, 512, 514, 640, 1024])
def test_strong_tests_of_many_words(bits: int) -> None:
    numbers = wide_numbers(bits)
    words = max(map(large_numbers.words_of, numbers))
    rows, space = large_numbers.rows_of(numbers, words), np.empty((64, words), np.uint64)
    expected = [i for i, n in enumerate(numbers) if is_strong_probable_prime(n, 2)]
    assert len(expected) >= 8
    assert passing(numbers, lambda index: keep_strong_2_wide(rows, index, space)) == expected


@pytest.mark.parametrize("bits", [128, 192, 250, 256, 320, 384, 512, 514, 1024])
@pytest.mark.parametrize("method", [SELFRIDGE, EXTRA_STRONG])
@pytest.mark.parametrize("condition", [PLAIN, STRONG, ALMOST])
def test_lucas_tests_of_many_words(bits: int, method: int, condition: int) -> None:
    numbers = [n for n in wide_numbers(bits) if not gmpy2.is_square(n)]
    words = max(map(large_numbers.words_of, numbers))
    rows, space = large_numbers.rows_of(numbers, words), np.empty((64, words), np.uint64)
    expected = [i for i, n in enumerate(numbers) if passes_lucas(n, method, condition)]
    assert len(expected) >= 8
    found = passing(numbers, lambda index: keep_lucas_wide(rows, index, method, condition, space))
    assert found == expected


def passes_lucas(n: int, method: int, condition: int) -> bool:
    """By GMP, for an n that is no square; with Q = 1 instead of Selfridge's Q."""
    d, p = 5, 3
    if method == SELFRIDGE:
        while gmpy2.jacobi(d, n) == 1:
            d = -d - 2 if d > 0 else 2 - d
        q = (1 - d) // 4
        if gmpy2.jacobi(d, n) == 0 or gmpy2.gcd(q, n) > 1:
            return False
        p = (pow(q, -1, n) - 2) % n
    else:
        while gmpy2.jacobi(p * p - 4, n) == 1:
            p += 1
        if gmpy2.jacobi(p * p - 4, n) == 0:
            return False
    if condition == PLAIN:
        return bool(gmpy2.lucasu_mod(p, 1, n + 1, n) == 0)
    d = (n + 1) >> twos(n + 1)
    v = gmpy2.lucasv_mod(p, 1, d, n)
    if v in (2, n - 2) and (condition == ALMOST or gmpy2.lucasu_mod(p, 1, d, n) == 0):
        return True
    for _ in range(twos(n + 1) - 1):
        if v == 0:
            return True
        v = (v * v - 2) % n
    return False


@pytest.mark.parametrize("bits", [128, 192, 256, 1024])
def test_trial_division_of_many_words(bits: int) -> None:
    numbers = wide_numbers(bits)
    rows = large_numbers.rows_of(numbers, max(map(large_numbers.words_of, numbers)))
    primes = primes_below(PRIMES_BELOW)[1:]
    expected = [i for i, n in enumerate(numbers) if all(n % p for p in primes)]
    assert passing(numbers, lambda index: keep_undivided_wide(rows, index, 2000)) == expected
    few = [i for i, n in enumerate(numbers) if gmpy2.gcd(n, math.prod(primes_between(3, 54))) == 1]
    assert passing(numbers, lambda index: keep_undivided_wide(rows, index, 1)) == few


@pytest.mark.parametrize("eights", [False, pytest.param(True, marks=needs_ifma)])
@pytest.mark.parametrize("around", [140, 512, 640])
def test_large_numbers_by_every_way(
    eights: bool, around: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_numbers, "EIGHTS_WORDS_MIN", 2 if eights else 99)
    if around == 640:
        monkeypatch.setattr(large_numbers, "LUCAS_WORDS_MAX", 8)
    numbers = wide_numbers(around)
    strong = batch.is_strong_probable_prime(numbers)
    assert strong.tolist() == [is_strong_probable_prime(n, 2) for n in numbers]
    lucas = batch.is_strong_lucas_probable_prime(numbers)
    assert lucas.tolist() == [is_strong_lucas_probable_prime(n) for n in numbers]
    plain = batch.is_lucas_probable_prime(numbers)
    assert plain.tolist() == [is_lucas_probable_prime(n) for n in numbers]
