"""Certificates that a number is prime, or composite: what proves, and what does not."""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import replace

import gmpy2
import pytest

from newral_kernels.certificates.compositeness import prove_composite
from newral_kernels.certificates.forms import (
    BASE_MAX,
    N_BITS_MAX,
    EllipticStep,
    FactorCertificate,
    NMinus1Step,
    PrimeCertificate,
    WitnessCertificate,
    read_certificate,
    read_prime_certificate,
    steps_max,
)
from newral_kernels.certificates.n_minus_1 import prove_by_n_minus_1
from newral_kernels.certificates.n_minus_1_check import has_order
from newral_kernels.certificates.pari import prove_by_elliptic_curves
from newral_kernels.certificates.prove import certify
from newral_kernels.certificates.small import JAESCHKE_BELOW, TABLE_BELOW, is_small_prime
from newral_kernels.certificates.verify import violation
from newral_kernels.errors import CertificateError, ProofError

# Jaeschke; Jiang and Deng; Sorenson and Webster: the least composites that pass the strong test to
# the first k primes.
PSI = [
    2047,
    1373653,
    25326001,
    3215031751,
    2152302898747,
    3474749660383,
    341550071728321,
    3825123056546413051,
]
PSI_12 = 318665857834031151167461
PSI_13 = 3317044064679887385961981
P1 = int(
    "29674495668685510550154174642905332730771991799853043350995075531276838753171770199594238596428"
    "121188033664754218345562493168782883"
)
ARNAULT = P1 * (313 * (P1 - 1) + 1) * (353 * (P1 - 1) + 1)
CHERNICK = [(6 * k + 1) * (12 * k + 1) * (18 * k + 1) for k in (1, 6, 2**59 + 5672)]

MERSENNE = {
    89: [{"base": 3, "primes": [2931542417]}],
    127: [{"base": 3, "primes": [649657, 77158673929]}],
}
# (F + 1)(6F + 1) with F = 2^16·3^11: 11 has the right order, and only its shape betrays it.
TWO_PRIMES = 808683748488155824129
P_256 = 2**256 - 189
BY_CURVE = EllipticStep(
    trace=-49372858,
    cofactor=649671024,
    a=0,
    b=1,
    x=13282407956253574712,
    y=4929340527685973611,
)
ON_CURVE = 20752587082923251509


@pytest.mark.parametrize("start", [0, TABLE_BELOW - 50, 2**32 - 500, JAESCHKE_BELOW - 250, 2**48])
def test_small_primes_are_those_of_another_test(start: int) -> None:
    numbers = range(start, start + 500)
    assert [n for n in numbers if is_small_prime(n)] == [n for n in numbers if gmpy2.is_prime(n)]


@pytest.mark.parametrize("n", [*PSI, JAESCHKE_BELOW, 1093**2, 3511**2, 2**64 - 1, 65537**2 * 2])
def test_pseudoprimes_are_no_small_primes(n: int) -> None:
    assert not is_small_prime(n)
    assert violation(PrimeCertificate(n)) == f"{n} is no prime"


@pytest.mark.parametrize("p", [3, 7, 61, 65537])
def test_multiples_of_the_bases_are_no_small_primes(p: int) -> None:
    start = max(TABLE_BELOW // p | 1, 3)
    for q in (*range(start, start + 20_000, 2), *range(2**32 // p | 1, 2**32 // p + 20_000, 2)):
        assert not is_small_prime(p * q), (p, q)


def test_pairs_of_related_primes_are_no_small_primes() -> None:
    for k in range(2, 60_000, 2):
        for r in (2, 3, 4, 5):
            n = (k + 1) * (r * k + 1)
            assert not is_small_prime(n), n


def strong_test(n: int, base: int) -> bool:
    d = n - 1
    while d % 2 == 0:
        d //= 2
    residues = [pow(base, d << r, n) for r in range(n.bit_length()) if (n - 1) % (d << r) == 0]
    return residues[0] == 1 or n - 1 in residues[:-1]


def test_witnesses_of_small_numbers_are_those_of_the_definition() -> None:
    for n in range(5, 300, 2):
        for witness in range(2, n - 1):
            proves = violation(WitnessCertificate(n, witness)) is None
            assert proves == (not strong_test(n, witness)), (n, witness)


def test_small_primes_end_at_2_64() -> None:
    assert is_small_prime(2**64 - 59)
    assert violation(PrimeCertificate(2**64 - 59)) is None
    with pytest.raises(ValueError, match="below 2\\^64"):
        is_small_prime(2**64 + 13)
    assert "left unproved" in str(violation(PrimeCertificate(2**64 + 13)))


@pytest.mark.parametrize("exponent", list(MERSENNE))
def test_a_prime_has_one_certificate_by_n_minus_1(exponent: int) -> None:
    n = 2**exponent - 1
    certificate = prove_by_n_minus_1(n)
    assert certificate.to_json() == {"n": str(n), "steps": MERSENNE[exponent]}
    assert violation(certificate) is None
    assert read_certificate(certificate.to_json(), name="c", error=CertificateError) == certificate


def test_primes_that_a_step_relies_on_are_proved_by_further_steps() -> None:
    certificate = prove_by_n_minus_1(4_869_940_435_459_321_630_063)
    assert len(certificate.steps) == 3
    assert violation(certificate) is None
    for count in range(3):
        truncated = replace(certificate, steps=certificate.steps[:count])
        assert f"after {count} steps" in str(violation(truncated))
    longer = replace(certificate, steps=(*certificate.steps, certificate.steps[-1]))
    assert violation(longer) == "step 4: nothing is left to be proved"
    swapped = replace(certificate, steps=certificate.steps[::-1])
    assert str(violation(swapped)).startswith("step 1: ")


def test_a_chain_of_primes_has_a_step_for_each() -> None:
    primes = [2_759_832_934_171_386_593_519 + 1 << k for k in range(17)]  # Cunningham's, less 1
    certificate = prove_by_n_minus_1(primes[-1] - 1)
    assert len(certificate.steps) == 17
    assert all(
        step.primes == (p - 1,) for step, p in zip(certificate.steps, primes[-2::-1], strict=False)
    )
    assert read_certificate(certificate.to_json(), name="c", error=CertificateError) == certificate


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (NMinus1Step(base=3, primes=(649657,)), "too little"),
        (NMinus1Step(base=3, primes=()), "too little"),
        (NMinus1Step(base=3, primes=(2, 649657, 77158673929)), "superfluous"),
        (NMinus1Step(base=3, primes=(77158673929, 649657)), "not in ascending order"),
        (NMinus1Step(base=3, primes=(649657, 649657, 77158673929)), "not in ascending order"),
        (NMinus1Step(base=3, primes=(5, 77158673929)), "5 does not divide"),
        (NMinus1Step(base=2, primes=(649657, 77158673929)), "2 has not the order"),
        (NMinus1Step(base=5, primes=(649657, 77158673929)), "5 is not the least base"),
    ],
)
def test_an_altered_step_is_refused_with_the_reason(step: NMinus1Step, reason: str) -> None:
    assert reason in str(violation(PrimeCertificate(2**127 - 1, (step,))))


def fake(c: int) -> PrimeCertificate:
    """A certificate that is right but for the composite c, on which it relies."""
    k = next(k for k in itertools.count(2**63 // c + 1) if gmpy2.is_prime(2 * k * c + 1))
    n = 2 * k * c + 1
    base = next(base for base in range(2, BASE_MAX) if has_order(n, base, [c]))
    return PrimeCertificate(n, (NMinus1Step(base=base, primes=(c,)),))


@pytest.mark.parametrize("c", [PSI[-4], PSI[-2], PSI[-1], 65537**2])
def test_a_composite_below_2_64_in_a_certificate_is_refused(c: int) -> None:
    assert violation(fake(c)) == f"step 1: {c} is no prime"


@pytest.mark.parametrize("c", [PSI_12, PSI_13, CHERNICK[2], (2**61 - 1) ** 2])
def test_a_composite_from_2_64_on_in_a_certificate_is_left_unproved(c: int) -> None:
    assert violation(fake(c)) == f"after 1 steps {c} is left unproved"
    assert "step 2" in str(violation(replace(fake(c), steps=fake(c).steps * 2)))


def test_two_primes_of_the_same_shape_are_told_from_one() -> None:
    certificate = PrimeCertificate(TWO_PRIMES, (NMinus1Step(base=11, primes=(2, 3)),))
    assert "is the product of two numbers that are 1 modulo" in str(violation(certificate))


@pytest.mark.parametrize("n", [TWO_PRIMES, PSI_12, PSI_13, ARNAULT, *CHERNICK, 2**128, 2**101 - 1])
def test_composites_are_certified_as_such(n: int) -> None:
    certificate = certify(n)
    assert isinstance(certificate, FactorCertificate | WitnessCertificate)
    assert violation(certificate) is None
    for prover in (prove_by_n_minus_1, prove_by_elliptic_curves):
        with pytest.raises(ProofError, match="is no prime"):
            prover(n)


def test_arnaults_number_passes_to_all_small_prime_bases() -> None:
    assert all(gmpy2.is_strong_prp(ARNAULT, p) for p in range(2, 307) if gmpy2.is_prime(p))


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (FactorCertificate(91, 7), None),
        (FactorCertificate(91, 91), "not between 1 and 91"),
        (FactorCertificate(91, 1), "not between 1 and 91"),
        (FactorCertificate(91, 5), "5 does not divide 91"),
        (WitnessCertificate(2047, 3), None),
        (WitnessCertificate(2047, 2), "passes the strong test to base 2"),
        (WitnessCertificate(15, 5), None),
        (WitnessCertificate(15, 14), "not between 1 and 15 - 1"),
        (WitnessCertificate(15, 1), "not between 1 and 15 - 1"),
        (WitnessCertificate(16, 3), "even"),
        (WitnessCertificate(101, 7), "passes"),
    ],
)
def test_compositeness_is_shown_by_a_factor_or_a_witness(
    certificate: FactorCertificate | WitnessCertificate, reason: str | None
) -> None:
    found = violation(certificate)
    assert found is None if reason is None else reason in str(found)


@pytest.mark.parametrize("n", [2, 3, 101, 2**64 - 59, 2**89 - 1])
def test_a_prime_is_not_proved_composite(n: int) -> None:
    with pytest.raises(ProofError, match="is not composite"):
        prove_composite(n)


def test_elliptic_curves_prove_what_others_do() -> None:
    assert violation(PrimeCertificate(ON_CURVE, (BY_CURVE,))) is None
    certificate = prove_by_elliptic_curves(P_256)
    assert len(certificate.steps) > 3
    assert violation(certificate) is None
    text = json.dumps(certificate.to_json())
    assert read_certificate(json.loads(text), name="c", error=CertificateError) == certificate
    assert "left unproved" in str(violation(replace(certificate, steps=certificate.steps[:-1])))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trace": 2**34}, "Hasse"),
        ({"trace": -(2**34)}, "Hasse"),
        ({"trace": 0}, "does not divide the order"),
        ({"cofactor": 1}, "is not between"),
        ({"cofactor": 2 * 649671024}, "does not divide the order"),
        ({"a": 1}, "not on the curve"),
        ({"b": 2}, "not on the curve"),
        ({"x": 1}, "not on the curve"),
        ({"x": BY_CURVE.x + ON_CURVE}, "not reduced"),
        ({"y": ON_CURVE - BY_CURVE.y}, "not reduced"),
        ({"y": 0}, "not reduced"),
        ({"b": 0, "x": 1, "y": 1}, "singular"),
        ({"b": 8, "x": 1, "y": 3}, "has not the order"),
    ],
)
def test_an_altered_curve_is_refused_with_the_reason(change: dict[str, int], reason: str) -> None:
    step = replace(BY_CURVE, **change)
    assert reason in str(violation(PrimeCertificate(ON_CURVE, (step,))))


@pytest.mark.parametrize("n", [3 * (2**64 + 13), 2 * (2**64 + 13)])
def test_a_curve_modulo_a_multiple_of_2_or_3_proves_nothing(n: int) -> None:
    step = EllipticStep(trace=1, cofactor=1, a=1, b=1, x=0, y=1)
    assert violation(PrimeCertificate(n, (replace(step, trace=2),))) is not None


def test_without_pari_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cypari", None)
    with pytest.raises(ProofError, match=r"pip install 'newral\[certificates\]'"):
        prove_by_elliptic_curves(P_256)
    assert violation(certify(2**127 - 1)) is None


@pytest.mark.parametrize("n", [1, 0, -7])
def test_what_is_neither_prime_nor_composite_is_refused(n: int) -> None:
    with pytest.raises(ProofError, match="the least is 2"):
        certify(n)


def test_too_many_bits_are_refused_with_the_limit() -> None:
    for prover in (certify, prove_by_elliptic_curves):
        with pytest.raises(ProofError, match=f"the most is {N_BITS_MAX}"):
            prover(2**N_BITS_MAX)
    assert certify(2**N_BITS_MAX - 1) == FactorCertificate(2**N_BITS_MAX - 1, 3)


def test_a_large_prime_gets_whatever_proves_it() -> None:
    by_n_minus_1 = certify(3 * 2**189 + 1)
    assert isinstance(by_n_minus_1, PrimeCertificate)
    assert by_n_minus_1.steps == (NMinus1Step(base=5, primes=(2,)),)
    by_curves = certify(P_256)
    assert violation(by_curves) is None


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (None, "no object"),
        ({"steps": []}, "lacks it"),
        ({"n": "101"}, "0 proofs"),
        ({"n": "91", "factor": "7", "witness": "2"}, "2 proofs"),
        ({"n": "1", "factor": "1"}, "too small"),
        ({"n": "91", "factor": "92"}, "too large"),
        ({"n": 91, "factor": "7"}, "no decimal string"),
        ({"n": "101", "steps": [{"base": 2, "primes": [5]}]}, "the most is 0"),
        ({"n": str(2**64 + 13), "steps": [{}] * 2}, "the most is 1"),
        ({"n": str(2**64 + 13), "steps": [{}]}, "lacks it"),
        ({"n": str(2**64 + 13), "steps": [{"primes": [2], "base": 201}]}, "the most is 200"),
        ({"n": str(2**64 + 13), "steps": [{"primes": [2] * 65, "base": 2}]}, "the most is 64"),
        ({"n": str(2**64 + 13), "steps": [{"primes": [1], "base": 2}]}, "the least is 2"),
        ({"n": str(2**N_BITS_MAX + 1), "steps": []}, "too large"),
    ],
)
def test_malformed_certificates_are_refused(value: object, wrong: str) -> None:
    with pytest.raises(CertificateError, match=wrong):
        read_certificate(value, name="certificate", error=CertificateError)


def test_a_prime_certificate_is_asked_for() -> None:
    with pytest.raises(CertificateError, match="about a composite"):
        read_prime_certificate({"n": "91", "factor": "7"}, name="c", error=CertificateError)


def test_too_many_steps_prove_nothing() -> None:
    n = 2**64 + 13
    steps = (NMinus1Step(base=2, primes=(658812288346769701,)),) * (steps_max(n) + 1)
    assert "2 steps are too many; the most is 1" in str(violation(PrimeCertificate(n, steps)))
    assert "needs no steps" in str(violation(PrimeCertificate(101, steps[:1])))
