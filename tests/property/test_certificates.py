"""Every prime has a certificate, no altered one holds, and nothing whatever breaks the checker."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import gmpy2
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from newral_kernels.certificates.ecpp_check import NotInvertible, multiple
from newral_kernels.certificates.forms import Certificate, read_certificate
from newral_kernels.certificates.n_minus_1 import prove_by_n_minus_1
from newral_kernels.certificates.pari import prove_by_elliptic_curves
from newral_kernels.certificates.prove import certify
from newral_kernels.certificates.verify import violation
from newral_kernels.conformance.alterations import at, nudged, paths, replaced
from newral_kernels.errors import CertificateError, ProofError
from newral_kernels.factoring.complete import prime_factors

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.integers(-(2**70), 2**140).map(str)
)
FIELDS = ["n", "steps", "factor", "witness", "base", "primes", "trace", "cofactor", "a", "b"]
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*FIELDS, "x", "y"]), inner, max_size=6)
    ),
    max_leaves=10,
)


def read(value: object) -> Certificate:
    return read_certificate(value, name="certificate", error=CertificateError)


def proves(value: object) -> bool:
    try:
        return violation(read(value)) is None
    except CertificateError:
        return False


@settings(max_examples=100)
@given(st.integers(60, 120).flatmap(lambda bits: st.integers(2**bits, 2 ** (bits + 1))))
def test_every_number_has_a_certificate_of_what_it_is(n: int) -> None:
    for number in (n, int(gmpy2.next_prime(n))):
        certificate = certify(number)
        assert violation(certificate) is None
        value = json.loads(json.dumps(certificate.to_json()))
        assert read(value) == certificate
        assert ("steps" in value) == gmpy2.is_prime(number)


CERTIFICATES = [
    certificate.to_json()
    for certificate in (
        prove_by_n_minus_1(4_869_940_435_459_321_630_063),
        prove_by_n_minus_1(2**127 - 1),
        prove_by_elliptic_curves(2**127 - 1),
        prove_by_elliptic_curves(2**200 - 75),
    )
]


@pytest.mark.parametrize("true", CERTIFICATES, ids=lambda true: next(iter(true["steps"][0])))
@settings(max_examples=100)
@given(data=st.data())
def test_an_altered_certificate_proves_nothing(true: Any, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(paths(true)))
    near = nudged(at(true, path), data.draw(st.randoms()))
    value = replaced(true, path, data.draw(st.sampled_from(near) | values))
    assert proves(value) == (json.dumps(value) == json.dumps(true))


@given(values)
def test_garbage_proves_nothing_and_raises_one_error(value: Any) -> None:
    assume(not isinstance(value, dict) or "n" not in value or len(value) != 2)
    assert not proves(value)


@given(st.fixed_dictionaries({"n": scalars, "steps": st.lists(values, max_size=2)}))
def test_garbage_for_steps_proves_small_primes_only(value: Any) -> None:
    if proves(value):
        assert value["steps"] == []
        assert gmpy2.is_prime(int(value["n"]))


@given(n=st.integers(2, 2**130).map(gmpy2.next_prime).map(int))
def test_what_a_prover_gives_up_on_is_said(n: int) -> None:
    certificate: Certificate | None = None
    with contextlib.suppress(ProofError):
        certificate = prove_by_n_minus_1(n, curves_max=0)
    assert certificate is None or violation(certificate) is None
    assert certificate or n >= 2**64


def slow_sum(p: Any, q: Any, a: int, n: int) -> Any:
    """On a curve modulo a prime; None is the neutral element."""
    if p is None or q is None:
        return p or q
    if p[0] == q[0] and (p[1] + q[1]) % n == 0:
        return None
    rise, run = (3 * p[0] ** 2 + a, 2 * p[1]) if p == q else (q[1] - p[1], q[0] - p[0])
    slope = rise * pow(run, -1, n) % n
    x = (slope * slope - p[0] - q[0]) % n
    return x, (slope * (p[0] - x) - p[1]) % n


@settings(max_examples=200)
@given(
    n=st.sampled_from([101, 1009, 10007]),
    k=st.integers(1, 3000),
    a=st.integers(0, 100),
    x=st.integers(0, 100),
    y=st.integers(1, 100),
)
def test_multiples_of_points_are_right_or_refused(n: int, k: int, a: int, x: int, y: int) -> None:
    point: Any = (x, y)
    expected = None
    for _ in range(k):
        expected = slow_sum(expected, point, a, n)
    try:
        found: Any = multiple(gmpy2.mpz(k), point, a, n)
    except NotInvertible:
        return
    assert found == expected


def test_multiples_of_points_of_large_order_are_found() -> None:
    point, n = (gmpy2.mpz(1), gmpy2.mpz(3)), 2**61 - 1
    expected: Any = None
    for k in range(1, 200):
        expected = slow_sum(expected, point, 0, n)
        assert multiple(gmpy2.mpz(k), point, 0, n) == expected


@settings(max_examples=60)
@given(st.lists(st.integers(2, 2**36), min_size=1, max_size=3))
def test_factors_are_prime_and_multiply_to_the_number(parts: list[int]) -> None:
    n = math.prod(parts)
    factors, resisted = prime_factors(n)
    assert resisted == []
    assert factors == sorted(factors)
    assert math.prod(factors) == n
    assert all(map(gmpy2.is_prime, factors))
