"""A preproduct, and the modulus by which its pairs are sieved."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from newral_kernels.borrowing import borrowing
from newral_kernels.float_residues import MODULUS_BITS_MAX, integer, inverse_mod
from newral_kernels.preproducts.workspace import Integers, Work


class Node(NamedTuple):
    """The preproduct P of the first `depth` of `Work.factors`."""

    product: int
    exponent: int
    """λ(P), the least common multiple of the p − 1."""
    depth: int


class Sieve(NamedTuple):
    """A divisor μ of λ(P), so small that Pμ < 2^50, for a narrower progression of k."""

    modulus: int
    """Pμ."""
    shift: int
    """ε, with ε ≡ 1 (mod P) and ε ≡ 0 (mod μ), below Pμ."""
    powers: int
    """How many odd prime powers > 1 divide μ: `Work.sieve_powers`, of `Work.sieve_primes`."""
    twos: int
    """The power of 2 in μ."""


@borrowing
def make_sieve(node: Node, spf: Integers, work: Work) -> Sieve:
    """With as many of the prime powers of λ(P) as fit, of the largest p − 1 first."""
    room = (1 << MODULUS_BITS_MAX) // node.product
    divisor, count = 1, 0
    for index in range(node.depth - 1, -1, -1):
        rest = work.factors[index] - 1
        while rest & 1 == 0:
            rest >>= 1
        while rest > 1:
            prime = least_factor(rest, spf)
            power = 1
            while rest % prime == 0:
                rest //= prime
                power *= prime
                if divisor * prime < room and not _is_listed(power, work, count):
                    work.sieve_powers[count], work.sieve_primes[count] = power, prime
                    count += 1
                    divisor *= prime
    twos = node.exponent & -node.exponent
    while divisor * twos >= room:
        twos >>= 1
    divisor *= twos
    inverse = inverse_mod(divisor % node.product, node.product)
    return Sieve(node.product * divisor, divisor * inverse, count, twos)


@borrowing
def _is_listed(power: int, work: Work, count: int) -> bool:
    for index in range(count):  # noqa: SIM110 - compiled code has no generators
        if work.sieve_powers[index] == power:
            return True
    return False


@borrowing
def least_factor(number: int, spf: Integers) -> int:
    """The least prime factor of an odd number above 1; a look at the table where it has it."""
    if number < len(spf):
        return integer(spf[number])
    divisor = 3
    while divisor * divisor <= number:
        if number % divisor == 0:
            return divisor
        divisor += 2
    return number


@borrowing
def gcd(a: int, b: int) -> int:
    """The greatest common divisor of a, b >= 0."""
    while b:
        a, b = b, integer(np.uint64(a) % np.uint64(b))
    return a
