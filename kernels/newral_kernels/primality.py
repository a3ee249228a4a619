"""Probable-prime tests, each under its exact name.

All return False below 2, True for 2 and False for other even numbers, so that the mathematics
begins at odd n >= 3. "Pseudoprime" is a composite that passes.

Sources: R. Baillie and S. S. Wagstaff, *Lucas pseudoprimes*, Math. Comp. 35 (1980); C. Pomerance,
J. L. Selfridge and S. S. Wagstaff, *The pseudoprimes to 25·10^9*, Math. Comp. 35 (1980).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from newral_kernels.gmp import jacobi, powmod

# The strong base-2 and Lucas tests together have no pseudoprime below it: J. Feitsma and
# W. Galway, tables of base-2 pseudoprimes (2013). Beyond it nothing is proved.
BPSW_PROVED_BELOW: Final = 2**64


class SelfridgeParameters(NamedTuple):
    """Of the Lucas sequences U, V with discriminant D = P² − 4Q, by Selfridge's method A."""

    d: int
    p: int
    q: int


class LucasResidues(NamedTuple):
    """U_k, V_k and Q^k modulo n."""

    u: int
    v: int
    qk: int


def is_fermat_probable_prime(n: int, base: int) -> bool:
    """Whether base^(n−1) ≡ 1 (mod n). Raises ValueError when n > 2 divides the base."""
    if n < 3 or n % 2 == 0:
        return n == 2
    _require_base(n, base)
    return powmod(base, n - 1, n) == 1


def is_strong_probable_prime(n: int, base: int) -> bool:
    """The Miller-Rabin test. Raises ValueError when n > 2 divides the base."""
    if n < 3 or n % 2 == 0:
        return n == 2
    _require_base(n, base)
    return strong_residue_passes(n, strong_residue(n, base))


def strong_residue(n: int, base: int) -> int:
    """base^d mod n, where n − 1 = d·2^s with d odd; n odd."""
    return powmod(base, (n - 1) >> twos(n - 1), n)


def strong_residue_passes(n: int, residue: int) -> bool:
    """Whether x = `strong_residue` is 1, or x^(2^r) ≡ −1 (mod n) for some 0 <= r < s."""
    if residue in (1, n - 1):
        return True
    for _ in range(twos(n - 1) - 1):
        residue = residue * residue % n
        if residue == n - 1:
            return True
    return False


def selfridge_parameters(n: int) -> SelfridgeParameters | None:
    """P = 1, Q = (1 − D)/4 with the first D of 5, −7, 9, −11, … whose Jacobi symbol (D/n) is −1.

    None when n, odd and above 2, is seen to be composite instead: it is a square, for which no
    such D exists, or it shares a proper factor with a D on the way. The search has no cap: caps
    have called true primes composite.
    """
    if math.isqrt(n) ** 2 == n:
        return None
    d = 5
    while True:
        symbol = jacobi(d, n)
        if symbol == -1:
            return SelfridgeParameters(d, 1, (1 - d) // 4)
        if symbol == 0 and d % n != 0:
            return None
        d = -(d + 2) if d > 0 else 2 - d


def lucas_residues(n: int, parameters: SelfridgeParameters, k: int) -> LucasResidues:
    """The Lucas sequences at k >= 1 modulo an odd n, for parameters with P = 1."""
    d, _, q = parameters
    u, v, qk = 1, 1, q % n
    for bit in bin(k)[3:]:
        u, v, qk = u * v % n, (v * v - 2 * qk) % n, qk * qk % n
        if bit == "1":
            u, v, qk = _half(u + v, n), _half(d * u + v, n), qk * q % n
    return LucasResidues(u, v, qk)


def is_lucas_probable_prime(n: int) -> bool:
    """Whether U_(n+1) ≡ 0 (mod n) with Selfridge's parameters."""
    if n < 3 or n % 2 == 0:
        return n == 2
    parameters = selfridge_parameters(n)
    return parameters is not None and lucas_residues(n, parameters, n + 1).u == 0


def is_strong_lucas_probable_prime(n: int) -> bool:
    """The strong Lucas test with Selfridge's parameters (method A)."""
    if n < 3 or n % 2 == 0:
        return n == 2
    residues = strong_lucas_residues(n)
    return residues is not None and strong_lucas_residues_pass(n, residues)


def strong_lucas_residues(n: int) -> LucasResidues | None:
    """The Lucas sequences at d, where n + 1 = d·2^s with d odd; None as `selfridge_parameters`."""
    parameters = selfridge_parameters(n)
    if parameters is None:
        return None
    return lucas_residues(n, parameters, (n + 1) >> twos(n + 1))


def strong_lucas_residues_pass(n: int, residues: LucasResidues) -> bool:
    """Whether U_d ≡ 0 or V_(d·2^r) ≡ 0 (mod n) for some 0 <= r < s."""
    u, v, qk = residues
    if u == 0 or v == 0:
        return True
    for _ in range(twos(n + 1) - 1):
        v, qk = (v * v - 2 * qk) % n, qk * qk % n
        if v == 0:
            return True
    return False


def is_bpsw_probable_prime(n: int) -> bool:
    """The Baillie-PSW test: strong to base 2, then strong Lucas with Selfridge's parameters.

    No composite that passes is known, and none is below 2^64.
    """
    return is_strong_probable_prime(n, 2) and is_strong_lucas_probable_prime(n)


def is_prime_below_2_64(n: int) -> bool:
    """Whether n is prime: a proof, not a probability. Raises ValueError from 2^64 on."""
    if n >= BPSW_PROVED_BELOW:
        raise ValueError(f"{n} is not below 2^64, where the Baillie-PSW test is proved")
    return is_bpsw_probable_prime(n)


def twos(n: int) -> int:
    """How often 2 divides n > 0."""
    return (n & -n).bit_length() - 1


def _require_base(n: int, base: int) -> None:
    if base % n == 0:
        raise ValueError(f"base {base} is a multiple of {n} and tells nothing about it")


def _half(x: int, n: int) -> int:
    """x/2 modulo an odd n."""
    return (x + n if x & 1 else x) // 2 % n
