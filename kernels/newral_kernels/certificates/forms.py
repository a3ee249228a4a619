"""What certificates say, and their JSON. Reading verifies the shape alone: see `verify`.

A prime below 2^64 needs no steps, since there the Baillie-PSW test is a proof. Above, each step
proves the largest number that is still to be proved: first n, then the primes from 2^64 on that
the steps before rely on. So a step need not name its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from newral_kernels.errors import FieldError
from newral_kernels.kernel import JSON
from newral_kernels.numbers import decode_small_integer, encode_small_integer
from newral_kernels.reading import Record, read_array

N_BITS_MAX: Final = 4096  # of a number with a certificate: PARI takes hours to prove such a prime
N_MAX: Final = 2**N_BITS_MAX
PRIMES_MAX: Final = 64  # of one step; the product of the first 64 primes already has 416 bits
BASE_MAX: Final = 200  # of an N−1 step: the least base that serves is nearly always below 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NMinus1Step:
    """N − 1 is divisible by `primes`, ascending, and `base` has the right order modulo N.

    JSON: `{"base": 3, "primes": [2, 97, "18446744073709551629"]}`.
    """

    base: int
    primes: tuple[int, ...]

    def to_json(self) -> dict[str, JSON]:
        return {"base": self.base, "primes": [encode_small_integer(p) for p in self.primes]}


@dataclass(frozen=True, slots=True, kw_only=True)
class EllipticStep:
    """A curve y² = x³ + ax + b modulo N, of order N + 1 − trace = cofactor·q, and a point on it.

    q is prime and what remains to be proved. b follows from the point, and is there so that no
    other point serves. JSON: `{"trace", "cofactor", "a", "b", "x", "y"}`, all decimal strings.
    """

    trace: int
    cofactor: int
    a: int
    b: int
    x: int
    y: int

    def to_json(self) -> dict[str, JSON]:
        return {
            "trace": str(self.trace),
            "cofactor": str(self.cofactor),
            "a": str(self.a),
            "b": str(self.b),
            "x": str(self.x),
            "y": str(self.y),
        }


Step: TypeAlias = NMinus1Step | EllipticStep


@dataclass(frozen=True, slots=True)
class PrimeCertificate:
    """That n is prime. JSON: `{"n": "101", "steps": []}`."""

    n: int
    steps: tuple[Step, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        return {"n": str(self.n), "steps": [step.to_json() for step in self.steps]}


@dataclass(frozen=True, slots=True)
class FactorCertificate:
    """That n is composite: a factor between 1 and n. JSON: `{"n": "91", "factor": "7"}`."""

    n: int
    factor: int

    def to_json(self) -> dict[str, JSON]:
        return {"n": str(self.n), "factor": str(self.factor)}


@dataclass(frozen=True, slots=True)
class WitnessCertificate:
    """That n is composite: an odd n fails the strong test to this base.

    JSON: `{"n": "2047", "witness": "3"}`.
    """

    n: int
    witness: int

    def to_json(self) -> dict[str, JSON]:
        return {"n": str(self.n), "witness": str(self.witness)}


Certificate: TypeAlias = PrimeCertificate | FactorCertificate | WitnessCertificate


def read_certificate(
    value: object, *, name: str, error: type[FieldError], n_max: int = N_MAX
) -> Certificate:
    """Any certificate of a number up to `n_max`. Raises `error`."""
    record = Record(
        value, name=name, error=error, required=("n",), optional=("steps", "factor", "witness")
    )
    n = record.integer("n", minimum=2, maximum=n_max)
    proofs = [field for field in ("steps", "factor", "witness") if record.get(field) is not None]
    if len(proofs) != 1:
        raise error(
            name, f"it has {len(proofs)} proofs", "give one of the fields steps, factor, witness"
        )
    if proofs == ["steps"]:
        steps = read_array(
            record.get("steps"), name=f"{name}.steps", error=error, length_max=steps_max(n)
        )
        return PrimeCertificate(n, tuple(_read_step(step, n, name, error) for step in steps))
    claimed = record.integer(proofs[0], minimum=2, maximum=n)
    return FactorCertificate(n, claimed) if proofs == ["factor"] else WitnessCertificate(n, claimed)


def read_prime_certificate(
    value: object, *, name: str, error: type[FieldError], n_max: int = N_MAX
) -> PrimeCertificate:
    """Raises `error`, for other certificates as well."""
    certificate = read_certificate(value, name=name, error=error, n_max=n_max)
    if not isinstance(certificate, PrimeCertificate):
        raise error(name, "it is about a composite", "give the certificate of a prime")
    return certificate


def steps_max(n: int) -> int:
    """Of a certificate that n is prime.

    A step by N − 1 relies on primes whose product is at most half of N − 1, so that they have fewer
    bits above 64 than N, all together. Cunningham chains 2p + 1, 2(2p + 1) + 1, … need a step for
    nearly each; elliptic curves save some 20 bits with each step.
    """
    return max(n.bit_length() - 64, 0)


def _read_step(value: object, n: int, name: str, error: type[FieldError]) -> Step:
    """No number in it is larger than n."""
    name = f"{name}.steps"
    if isinstance(value, dict) and "primes" in value:
        record = Record(value, name=name, error=error, required=("base", "primes"))
        primes = record.array("primes", length_max=PRIMES_MAX)
        return NMinus1Step(
            base=record.small_integer("base", minimum=2, maximum=BASE_MAX),
            primes=tuple(
                decode_small_integer(p, minimum=2, maximum=n, field=f"{name}.primes", error=error)
                for p in primes
            ),
        )
    record = Record(
        value, name=name, error=error, required=("trace", "cofactor", "a", "b", "x", "y")
    )
    return EllipticStep(
        trace=record.integer("trace", minimum=-n, maximum=n),
        cofactor=record.integer("cofactor", minimum=1, maximum=n),
        a=record.integer("a", minimum=0, maximum=n),
        b=record.integer("b", minimum=0, maximum=n),
        x=record.integer("x", minimum=0, maximum=n),
        y=record.integer("y", minimum=0, maximum=n),
    )
