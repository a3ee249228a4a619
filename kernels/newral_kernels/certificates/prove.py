"""A certificate for any number up to 4096 bits."""

from __future__ import annotations

from typing import Final

from newral_kernels.certificates.compositeness import prove_composite
from newral_kernels.certificates.forms import N_BITS_MAX, Certificate
from newral_kernels.certificates.n_minus_1 import prove_by_n_minus_1
from newral_kernels.certificates.pari import prove_by_elliptic_curves
from newral_kernels.errors import ProofError
from newral_kernels.factoring.complete import is_probable_prime

N_MINUS_1_BITS_MAX: Final = 128  # of a prime for which N − 1 is factored, however long it takes
CURVES_MAX: Final = 8  # beyond, since PARI proves a prime of 256 bits in 50 ms


def certify(n: int) -> Certificate:
    """That n >= 2 is prime, or that it is composite.

    A prime of more than 128 bits whose N − 1 resists needs `newral[certificates]`: `ProofError`
    says so. It is raised for n < 2 and above 4096 bits, too.
    """
    if n < 2:
        raise ProofError(f"{n} is neither prime nor composite; the least is 2")
    if n.bit_length() > N_BITS_MAX:
        raise ProofError(f"{n.bit_length()} bits are too many; the most is {N_BITS_MAX}")
    if not is_probable_prime(n):
        return prove_composite(n)
    if n.bit_length() <= N_MINUS_1_BITS_MAX:
        return prove_by_n_minus_1(n)
    try:
        return prove_by_n_minus_1(n, CURVES_MAX)
    except ProofError:
        return prove_by_elliptic_curves(n)
