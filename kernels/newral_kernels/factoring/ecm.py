"""H. W. Lenstra, *Factoring integers with elliptic curves*, Ann. of Math. 126 (1987).

On curves By² = x³ + Ax² + x with x/z alone: P. L. Montgomery, *Speeding the Pollard and elliptic
curve methods of factorization*, Math. Comp. 48 (1987); Suyama's curves, whose order 12 divides.
"""

from __future__ import annotations

import functools
from array import array
from typing import Final, TypeAlias

from newral_kernels.factoring.p_minus_1 import smooth_exponent
from newral_kernels.gmp import gcd, invert, mpz
from newral_kernels.sieve import primes_between

SECOND_BOUND: Final = 100  # of the second stage, in multiples of the first's
GIANT_FROM: Final = 500  # the first bound from which the larger table pays


Point: TypeAlias = tuple[int, int]


class FactorFound(Exception):
    """A number that had to be inverted was not coprime to n."""

    def __init__(self, factor: int) -> None:
        super().__init__(factor)
        self.factor = factor


def ecm_factor(n: int, sigma: int, bound: int) -> int | None:
    """A factor of an odd n coprime to 3 by one curve, that of `sigma` > 5; None without.

    It is found when the order of the curve modulo it has prime powers up to `bound` and at most one
    further prime up to `SECOND_BOUND` times `bound`.
    """
    n = mpz(n)
    try:
        a24, start = suyama(n, sigma)
        x, z = _multiple(smooth_exponent(bound), start, a24, n)
        common = gcd(z, n)
        if common == 1:
            common = gcd(_second_stage((x, z), bound, a24, n), n)
    except FactorFound as found:
        common = found.factor
    return int(common) if 1 < common < n else None


def suyama(n: int, sigma: int) -> tuple[int, Point]:
    """(A + 2)/4 and a point."""
    u = mpz(sigma * sigma - 5)
    v = mpz(4 * sigma)
    cubes = u**3, v**3
    numerator = (v - u) ** 3 * (3 * u + v)
    a24 = numerator * _inverse(16 * cubes[0] * v, n) % n
    return a24, (cubes[0] % n, cubes[1] % n)


def _double(p: Point, a24: int, n: int) -> Point:
    s, d = p[0] + p[1], p[0] - p[1]
    s, d = s * s % n, d * d % n
    difference = s - d
    return s * d % n, difference * (d + a24 * difference) % n


def _add(p: Point, q: Point, difference: Point, n: int) -> Point:
    """P + Q, given P − Q."""
    u = (p[0] - p[1]) * (q[0] + q[1]) % n
    v = (p[0] + p[1]) * (q[0] - q[1]) % n
    s, d = u + v, u - v
    return difference[1] * (s * s % n) % n, difference[0] * (d * d % n) % n


def _multiple(k: int, p: Point, a24: int, n: int) -> Point:
    """Montgomery's ladder, written out since it is where the time goes."""
    x, z = p
    x0, z0 = p
    x1, z1 = _double(p, a24, n)
    for bit in bin(k)[3:]:
        u = (x0 - z0) * (x1 + z1)
        v = (x0 + z0) * (x1 - z1)
        s, d = u + v, u - v
        if bit == "1":
            x0, z0 = s * s % n * z % n, d * d % n * x % n
            s, d = x1 + z1, x1 - z1
            s, d = s * s % n, d * d % n
            x1, z1 = s * d % n, (s - d) * (d + a24 * (s - d)) % n
        else:
            x1, z1 = s * s % n * z % n, d * d % n * x % n
            s, d = x0 + z0, x0 - z0
            s, d = s * s % n, d * d % n
            x0, z0 = s * d % n, (s - d) * (d + a24 * (s - d)) % n
    return x0, z0


def _second_stage(q: Point, bound: int, a24: int, n: int) -> int:
    """A product that vanishes modulo a factor for which q has a prime order up to the bound.

    (gG ± j)·Q is neutral exactly if gG·Q and j·Q have the same x.
    """
    width = giant_width(bound)
    steps = bound * SECOND_BOUND // width + 2
    baby = _odd_multiples(q, width // 4 + 1, a24, n)
    giant_step = _multiple(width, q, a24, n)
    giant = [giant_step, _double(giant_step, a24, n)]
    while len(giant) < steps:
        giant.append(_add(giant[-1], giant_step, giant[-2], n))
    xs = _affine([*baby, *giant], n)
    baby_xs, giant_xs = xs[: len(baby)], xs[len(baby) :]
    product = mpz(1)
    for g, odds in enumerate(stage_two_pairs(bound)):
        x = giant_xs[g]
        for j in odds:
            product = product * (x - baby_xs[j]) % n
    return product


def giant_width(bound: int) -> int:
    """The width of a step of the second stage, a product of the first primes."""
    return 2310 if bound >= GIANT_FROM else 210


def _odd_multiples(q: Point, count: int, a24: int, n: int) -> list[Point]:
    """Q, 3Q, 5Q, …"""
    twice = _double(q, a24, n)
    points = [q, _add(twice, q, q, n)]
    while len(points) < count:
        points.append(_add(points[-1], twice, points[-2], n))
    return points


def _affine(points: list[Point], n: int) -> list[int]:
    """All x/z, by one inversion. Raises `FactorFound`."""
    products = [mpz(1)]
    for _, z in points:
        products.append(products[-1] * z % n)
    inverse = _inverse(products[-1], n)
    xs: list[int] = []
    for (x, z), before in zip(reversed(points), reversed(products[:-1]), strict=True):
        xs.append(x * (inverse * before % n) % n)
        inverse = inverse * z % n
    return xs[::-1]


@functools.cache
def stage_two_pairs(bound: int) -> list[array[int]]:
    """For each giant step g from 1 on the j // 2 such that gG ± j is a prime to be covered."""
    width = giant_width(bound)
    steps = bound * SECOND_BOUND // width + 1
    pairs: list[set[int]] = [set() for _ in range(steps + 1)]
    for p in primes_between(max(bound, width // 2), steps * width + width // 2):
        g = (p + width // 2) // width
        pairs[g].add(abs(p - g * width) // 2)
    return [array("H", sorted(odds)) for odds in pairs[1:]]


def _inverse(x: int, n: int) -> int:
    common = gcd(x, n)
    if common != 1:
        raise FactorFound(int(common))
    return invert(x, n)
