"""Tests of many numbers at once, against those of one number, GMP, and published counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import gmpy2  # type: ignore[import-untyped]
import numpy as np
import pytest
from newral_testing.hard_numbers import ARNAULT, PSI, WIEFERICH_SQUARES, chernick_numbers

from newral_kernels import batch, primality
from newral_kernels.batch import Flags
from newral_kernels.primality import twos
from newral_kernels.sieve import primes_below
from newral_kernels.widths import Numbers

BOUNDARIES = (2**31, 2**32, 2**63, 2**64, 2**97, 2**100, 2**126, 2**127, 2**128, 2**256)


def _lucas_with_q_1(n: int, with_u: bool) -> bool:
    """The (almost) extra strong Lucas test by its definition."""
    if n < 3 or n % 2 == 0:
        return n == 2
    if math.isqrt(n) ** 2 == n:
        return False
    p = 3
    while (symbol := gmpy2.jacobi(p * p - 4, n)) != -1:
        if symbol == 0 and (p * p - 4) % n != 0:
            return False
        p += 1
    v, following = 2, p
    for bit in bin((n + 1) >> twos(n + 1))[2:]:
        mixed = (v * following - p) % n
        square = ((following if bit == "1" else v) ** 2 - 2) % n
        v, following = (mixed, square) if bit == "1" else (square, mixed)
    if v in (2 % n, n - 2) and (not with_u or (2 * following - p * v) % n == 0):
        return True
    for _ in range(twos(n + 1) - 1):
        if v == 0:
            return True
        v = (v * v - 2) % n
    return False


def is_extra_strong(n: int) -> bool:
    return _lucas_with_q_1(n, with_u=True)


def is_almost_extra_strong(n: int) -> bool:
    return _lucas_with_q_1(n, with_u=False)


def is_strong_to_2(n: int) -> bool:
    return primality.is_strong_probable_prime(n, 2)


TESTS: dict[str, tuple[Callable[[Numbers], Flags], Callable[[int], bool]]] = {
    "strong": (batch.is_strong_probable_prime, is_strong_to_2),
    "Lucas": (batch.is_lucas_probable_prime, primality.is_lucas_probable_prime),
    "strong Lucas": (
        batch.is_strong_lucas_probable_prime,
        primality.is_strong_lucas_probable_prime,
    ),
    "extra strong Lucas": (batch.is_extra_strong_lucas_probable_prime, is_extra_strong),
    "almost extra strong Lucas": (
        batch.is_almost_extra_strong_lucas_probable_prime,
        is_almost_extra_strong,
    ),
    "BPSW": (batch.is_bpsw_probable_prime, primality.is_bpsw_probable_prime),
    "BPSW, extra strong": (
        lambda ns: batch.is_bpsw_probable_prime(ns, "extra strong"),
        lambda n: is_strong_to_2(n) and is_extra_strong(n),
    ),
}


@pytest.fixture(scope="module")
def numbers() -> list[int]:
    """Of all widths, in no order: random ones, primes, semiprimes of the kinds that pass tests."""
    rng = Random(20)
    found = list(range(400))
    for boundary in BOUNDARIES:
        found += range(boundary - 40, boundary + 41)
    for bits in (*range(9, 64, 4), 63, 64, 65, 80, 96, 97, 98, 100, 126, 127, 128, 200):
        found += [rng.getrandbits(bits) for _ in range(40)]
        found += [int(gmpy2.next_prime(rng.getrandbits(bits - 1))) for _ in range(4)]
        for k in (2, 3, 4):
            p = int(gmpy2.next_prime(rng.getrandbits(bits // 2)))
            found += [p * p, p * (k * (p - 1) + 1), p * (k * (p + 1) - 1)]
    found += [
        odd * 2**shift + sign
        for odd in (1, 3, 5)
        for shift in (30, 62, 70, 125)
        for sign in (1, -1)
    ]
    found += [*PSI, *ARNAULT, *WIEFERICH_SQUARES, *chernick_numbers(60)]
    rng.shuffle(found)
    return found


@pytest.mark.parametrize("name", TESTS)
def test_many_at_once_agree_with_one_by_one(name: str, numbers: list[int]) -> None:
    many, one = TESTS[name]
    assert many(numbers).tolist() == [one(n) for n in numbers]


@pytest.mark.parametrize("base", [3, 5, 7, 2**64 - 59])
def test_other_bases_agree_with_one_by_one(base: int, numbers: list[int]) -> None:
    coprime = [n for n in numbers if n < 3 or n % 2 == 0 or base % n]
    expected = [primality.is_strong_probable_prime(n, base) for n in coprime]
    assert batch.is_strong_probable_prime(coprime, base).tolist() == expected


@pytest.mark.parametrize("bits", [64, 80, 96, 126])
def test_bpsw_agrees_with_gmp_on_random_odd_numbers(bits: int) -> None:
    rng = Random(bits)
    odd = [rng.getrandbits(bits) | 1 for _ in range(20_000)]
    assert batch.is_bpsw_probable_prime(odd).tolist() == [gmpy2.is_prime(n) for n in odd]


PRIMES = frozenset(primes_below(10**6))
COMPOSITES = np.array([n for n in range(3, 10**6, 2) if n not in PRIMES], dtype=np.uint64)


@pytest.mark.parametrize(
    ("name", "count", "first"),
    [
        # Pseudoprimes below 10^6, and the first of them: OEIS A001262, A217120, A217255, A217719.
        ("strong", 46, [2047, 3277, 4033]),
        ("Lucas", 219, [323, 377, 1159]),
        ("strong Lucas", 58, [5459, 5777, 10877]),
        ("extra strong Lucas", None, [989, 3239, 5777]),
        ("BPSW", 0, []),
        ("BPSW, extra strong", 0, []),
    ],
)
def test_pseudoprimes_are_the_published_ones(
    name: str, count: int | None, first: list[int]
) -> None:
    passed = COMPOSITES[TESTS[name][0](COMPOSITES)]
    assert count is None or len(passed) == count
    assert passed[:3].tolist() == first


def test_all_primes_pass_every_test() -> None:
    primes = np.array(sorted(PRIMES), dtype=np.uint64)
    for many, _ in TESTS.values():
        assert many(primes).all()


def test_counts_below_ten_million() -> None:
    odd = np.arange(9, 10**7, 2, dtype=np.uint64)
    composite = odd[~batch.is_prime(odd)]
    assert len(odd) - len(composite) + 4 == 664_579  # π(10^7)
    assert batch.is_strong_probable_prime(composite).sum() == 162
    assert batch.is_lucas_probable_prime(composite).sum() == 659
    assert batch.is_strong_lucas_probable_prime(composite).sum() == 178


def test_every_form_of_input_gives_the_same(numbers: list[int]) -> None:
    small = [n for n in numbers if n < 2**64]
    expected = batch.is_bpsw_probable_prime(small).tolist()
    assert batch.is_bpsw_probable_prime(tuple(small)).tolist() == expected
    assert batch.is_bpsw_probable_prime(np.array(small, np.uint64)).tolist() == expected
    assert batch.is_prime(list(map(gmpy2.mpz, small))).tolist() == expected
    wide = [n for n in numbers if n < 2**128]
    pairs = np.array([(n % 2**64, n >> 64) for n in wide], np.uint64)
    assert (batch.is_bpsw_probable_prime(pairs) == batch.is_bpsw_probable_prime(wide)).all()
    tiny = np.arange(256, dtype=np.uint8)
    assert batch.is_prime(tiny).sum() == 54
    strided = np.array(small, np.uint64)[::-3]
    assert (batch.is_prime(strided) == batch.is_prime(strided.tolist())).all()
    frozen = np.array(small, np.uint64)
    frozen.flags.writeable = False
    assert (batch.is_prime(frozen) == batch.is_prime(small)).all()


@pytest.mark.parametrize("form", [[], np.empty(0, np.uint64), np.empty((0, 2), np.uint64)])
def test_of_no_numbers_there_are_no_answers(form: Numbers) -> None:
    for many, _ in TESTS.values():
        assert many(form).shape == (0,)


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="-7 is negative: the least number is 0"):
        batch.is_prime([5, -7])
    with pytest.raises(ValueError, match="an array of int64"):
        batch.is_prime(np.array([5, 7]))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        batch.is_prime(np.ones((2, 3), np.uint64))
    with pytest.raises(TypeError):
        batch.is_prime([7.0])  # type: ignore[list-item]


def test_primality_is_claimed_below_2_64_only() -> None:
    assert batch.is_prime([2**64 - 59, 2**64 - 1]).tolist() == [True, False]
    for n in (2**64, 2**64 + 13, 2**127, 2**200):
        with pytest.raises(ValueError, match=r"not below 2\^64"):
            batch.is_prime([7, n])


def test_bases_that_tell_nothing_are_refused() -> None:
    for base in (-2, 0, 1, 2**64):
        with pytest.raises(ValueError, match=r"outside \[2, 2\^64\)"):
            batch.is_strong_probable_prime([7], base)
    with pytest.raises(ValueError, match="base 21 is a multiple of 7"):
        batch.is_strong_probable_prime([5, 7, 11], 21)


def test_an_unknown_lucas_test_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'strong', 'extra strong'"):
        batch.is_bpsw_probable_prime([7], "weak")  # type: ignore[arg-type]
