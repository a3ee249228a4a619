"""Probable-prime tests against definitions, published counts, GMP and known hard numbers."""

from __future__ import annotations

import math

import gmpy2  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newral_kernels.primality import (
    SelfridgeParameters,
    is_bpsw_probable_prime,
    is_fermat_probable_prime,
    is_lucas_probable_prime,
    is_prime_below_2_64,
    is_strong_lucas_probable_prime,
    is_strong_probable_prime,
    lucas_residues,
    selfridge_parameters,
)
from newral_kernels.sieve import primes_below

PRIMES = frozenset(primes_below(10**6))
ODD_COMPOSITES = [n for n in range(3, 10**6, 2) if n not in PRIMES]

# ψ_k: the least composite that passes the strong test to the first k primes as bases.
# Pomerance, Selfridge, Wagstaff (1980); Jaeschke (1993); Jiang, Deng (2014); Sorenson, Webster
# (2015).
PSI = [
    2047,
    1373653,
    25326001,
    3215031751,
    2152302898747,
    3474749660383,
    341550071728321,
    341550071728321,
    3825123056546413051,
    3825123056546413051,
    3825123056546413051,
    318665857834031151167461,
    3317044064679887385961981,
]
WORD_BOUNDARIES = [2**32, 2**63, 2**64, 2**127]


def numbers_near_words() -> st.SearchStrategy[int]:
    return st.builds(
        lambda boundary, offset: (boundary + offset) | 1,
        st.sampled_from(WORD_BOUNDARIES),
        st.integers(-(10**6), 10**6),
    )


def semiprimes() -> st.SearchStrategy[int]:
    """n = p·(k(p−1)+1) for small k: where base-2 pseudoprimes are dense."""
    return st.builds(
        lambda p, k: p * (k * (p - 1) + 1), st.sampled_from(sorted(PRIMES)[1:]), st.integers(2, 9)
    )


@pytest.mark.parametrize(
    ("test", "count", "first"),
    [
        pytest.param(lambda n: is_fermat_probable_prime(n, 2), 245, [341, 561, 645], id="psp(2)"),
        pytest.param(
            lambda n: is_strong_probable_prime(n, 2), 46, [2047, 3277, 4033], id="spsp(2)"
        ),
        pytest.param(is_lucas_probable_prime, 219, [323, 377, 1159], id="Lucas"),
        pytest.param(is_strong_lucas_probable_prime, 58, [5459, 5777, 10877], id="strong Lucas"),
        pytest.param(is_bpsw_probable_prime, 0, [], id="BPSW"),
    ],
)
def test_pseudoprimes_below_10_6_are_as_many_as_published(test, count, first) -> None:  # type: ignore[no-untyped-def]
    found = [n for n in ODD_COMPOSITES if test(n)]
    assert len(found) == count
    assert found[:3] == first


def test_no_prime_fails_a_test() -> None:
    for p in PRIMES:
        assert is_bpsw_probable_prime(p)
        assert is_lucas_probable_prime(p)
        assert p in (2, 3) or is_strong_probable_prime(p, 3)


@pytest.mark.parametrize("n", [-7, -2, -1, 0, 1, 4, 6, 2**64, 2**127])
def test_even_and_small_numbers_are_no_primes(n: int) -> None:
    assert not is_fermat_probable_prime(n, 2)
    assert not is_strong_probable_prime(n, 2)
    assert not is_lucas_probable_prime(n)
    assert not is_strong_lucas_probable_prime(n)
    assert not is_bpsw_probable_prime(n)


def test_two_is_prime() -> None:
    assert is_fermat_probable_prime(2, 2)
    assert is_strong_probable_prime(2, 2)
    assert is_lucas_probable_prime(2)
    assert is_bpsw_probable_prime(2)


def test_a_base_that_n_divides_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 7"):
        is_strong_probable_prime(7, 14)
    with pytest.raises(ValueError, match="multiple of 7"):
        is_fermat_probable_prime(7, 14)


@pytest.mark.parametrize(("index", "psi"), list(enumerate(PSI)))
def test_psi_passes_its_bases_and_not_the_lucas_test(index: int, psi: int) -> None:
    bases = primes_below(42)[: index + 1]
    assert all(is_strong_probable_prime(psi, base) for base in bases)
    assert not is_strong_lucas_probable_prime(psi)
    assert not is_bpsw_probable_prime(psi)


@pytest.mark.parametrize("p", [1093, 3511])
def test_wieferich_squares_pass_base_2_and_end_the_lucas_search(p: int) -> None:
    assert is_strong_probable_prime(p * p, 2)
    assert selfridge_parameters(p * p) is None
    assert not is_bpsw_probable_prime(p * p)


@pytest.mark.parametrize("k", [1, 6, 35, 45, 51, 55, 56, 100, 121])
def test_chernick_numbers_pass_fermat_and_not_bpsw(k: int) -> None:
    factors = (6 * k + 1, 12 * k + 1, 18 * k + 1)
    assert all(gmpy2.is_prime(p) for p in factors)
    n = math.prod(factors)
    assert all(is_fermat_probable_prime(n, base) for base in (2, 5, 11) if n % base)
    assert not is_bpsw_probable_prime(n)


# Pseudosquares: all small primes are squares modulo them, so that the search for D goes far.
# Terms of OEIS A002189 that are prime, with the D that their Jacobi symbols give.
@pytest.mark.parametrize(
    ("n", "d"), [(48473881, -67), (898716289, -83), (196265095009, -131), (2871842842801, 149)]
)
def test_primes_that_need_a_far_d_are_found_prime(n: int, d: int) -> None:
    parameters = selfridge_parameters(n)
    assert parameters == SelfridgeParameters(d, 1, (1 - d) // 4)
    assert is_bpsw_probable_prime(n)


def test_the_first_d_is_taken() -> None:
    assert selfridge_parameters(7) == SelfridgeParameters(5, 1, -1)
    assert selfridge_parameters(5) == SelfridgeParameters(-7, 1, 2)
    assert selfridge_parameters(11) == SelfridgeParameters(13, 1, -3)
    assert selfridge_parameters(15) is None  # shares 5 with D = 5


@given(k=st.integers(1, 300), n=st.integers(1, 10**6).map(lambda n: 2 * n + 1))
def test_lucas_sequences_agree_with_their_recurrence(k: int, n: int) -> None:
    for parameters in (SelfridgeParameters(5, 1, -1), SelfridgeParameters(-7, 1, 2)):
        us, vs = [0, 1], [2, 1]
        for sequence in (us, vs):
            for _ in range(k):
                sequence.append((sequence[-1] - parameters.q * sequence[-2]) % n)
        residues = lucas_residues(n, parameters, k)
        assert residues == (us[k] % n, vs[k] % n, pow(parameters.q, k, n))


@given(n=numbers_near_words() | semiprimes(), base=st.sampled_from([2, 3, 5, 7, 325]))
def test_gmp_agrees_at_word_boundaries_and_among_pseudoprimes(n: int, base: int) -> None:
    if math.gcd(n, base) == 1:
        assert is_strong_probable_prime(n, base) == gmpy2.is_strong_prp(n, base)
        assert is_fermat_probable_prime(n, base) == gmpy2.is_fermat_prp(n, base)
    assert is_lucas_probable_prime(n) == gmpy2.is_selfridge_prp(n)
    assert is_strong_lucas_probable_prime(n) == gmpy2.is_strong_selfridge_prp(n)
    assert is_bpsw_probable_prime(n) == gmpy2.is_prime(n, 40)


def test_primality_is_decided_below_2_64_alone() -> None:
    assert is_prime_below_2_64(2**64 - 59)
    assert not is_prime_below_2_64(3825123056546413051)
    with pytest.raises(ValueError, match="not below 2"):
        is_prime_below_2_64(2**64 + 13)
