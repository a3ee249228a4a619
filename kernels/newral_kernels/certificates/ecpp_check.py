"""Verifying that N is prime from a point on an elliptic curve.

S. Goldwasser and J. Kilian, *Almost all primes can be quickly certified* (STOC 1986); A. O. L.
Atkin and F. Morain, *Elliptic curves and primality proving*, Math. Comp. 61 (1993): let
q > (N^(1/4) + 1)² be prime and P a point on a curve modulo N. When sP is not the neutral element
modulo any prime that divides N, and q·sP is modulo all of them, N is prime: its least prime
factor r would have a curve of more than (sqrt(r) + 1)² points.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from newral_kernels.certificates.forms import EllipticStep
from newral_kernels.gmp import gcd, invert, mpz

WINDOW = 5  # bits of a signed digit; the best for 200 to 1000 bits

Affine: TypeAlias = tuple[int, int]


class NotInvertible(Exception):
    """A number that ought to be a unit modulo n has a common factor with it, or is 0."""


def next_number(n: int, step: EllipticStep) -> int | str:
    """The q whose primality the step leaves to be proved, or why it proves nothing."""
    order = n + 1 - step.trace
    if step.trace**2 >= 4 * n:
        return f"the trace {step.trace} is beyond Hasse's bound"
    q, rest = divmod(order, step.cofactor)
    if rest != 0:
        return f"the cofactor {step.cofactor} does not divide the order {order}"
    # (r + 2)² is at least (n^(1/4) + 1)² for the integer part r of n^(1/4).
    if q < (math.isqrt(math.isqrt(n)) + 2) ** 2 or q >= n:
        return f"{q} is not between (N^(1/4) + 1)^2 and N"
    return _point_violation(n, q, step) or q


def _point_violation(n: int, q: int, step: EllipticStep) -> str | None:
    a, b, x, y = step.a, step.b, step.x, step.y
    if gcd(n, 6) != 1:
        return f"2 or 3 divides {n}"
    if max(a, b, x) >= n or not 0 < 2 * y < n:
        return "the curve or the point is not reduced"
    if (y * y - x * x * x - a * x - b) % n != 0:
        return "the point is not on the curve"
    if gcd(4 * a**3 + 27 * b * b, n) != 1:
        return "the curve is singular"
    try:
        point = multiple(mpz(step.cofactor), (mpz(x), mpz(y)), mpz(a), mpz(n))
        before = multiple(mpz(q - 1), point, mpz(a), mpz(n))
    except NotInvertible:
        return "the point has not the order that it should have"
    if before != (point[0], n - point[1]):
        return f"the point has not the order {q}"
    return None


def multiple(k: int, point: Affine, a: int, n: int) -> Affine:
    """k·P on y² = x³ + ax + b modulo n, which need not be prime, for k >= 1.

    Raises `NotInvertible` unless the result is right modulo every prime that divides n: no sum on
    the way may meet the neutral element or a double point there. In Jacobian coordinates Z is
    the product of all that must not vanish on the way, so that it suffices to look at the last.
    """
    digits = _signed_digits(k)
    odd = _odd_multiples(point, a, n, max(map(abs, digits)) // 2 + 1)
    x, y = odd[digits[0] // 2]
    z, az4 = mpz(1), a
    for digit in digits[1:]:
        # Doubling, with a·Z⁴ carried along (Cohen, Miyaji and Ono 1998).
        yy = y * y % n
        s = 4 * x * yy % n
        m = 3 * x * x + az4
        u = 8 * yy * yy % n
        z = 2 * y * z % n
        x = (m * m - 2 * s) % n
        y = (m * (s - x) - u) % n
        az4 = 2 * u * az4 % n
        if digit:
            x2, y2 = odd[abs(digit) // 2]
            zz = z * z % n
            h = (x2 * zz - x) % n
            r = (y2 * zz % n * z - y) if digit > 0 else (-y2 * zz % n * z - y)
            hh = h * h % n
            hhh = h * hh % n
            v = x * hh % n
            z = z * h % n
            x = (r * r - hhh - 2 * v) % n
            y = (r * (v - x) - y * hhh) % n
            az4 = a * (z * z % n) ** 2 % n
    return _affine(x, y, z, n)


def _signed_digits(k: int) -> list[int]:
    """Digits d with k = Σ d·2^i, the highest first: 0 or odd, and below 2^(WINDOW−1) in size."""
    digits: list[int] = []
    while k:
        digit = 0
        if k % 2:
            digit = int(k % (1 << WINDOW))
            if digit >= 1 << (WINDOW - 1):
                digit -= 1 << WINDOW
        digits.append(digit)
        k = (k - digit) // 2
    return digits[::-1]


def _odd_multiples(point: Affine, a: int, n: int, count: int) -> list[Affine]:
    """P, 3P, 5P, …; raises `NotInvertible`."""
    twice = _sum(point, point, a, n)
    multiples = [point]
    while len(multiples) < count:
        multiples.append(_sum(multiples[-1], twice, a, n))
    return multiples


def _sum(p: Affine, q: Affine, a: int, n: int) -> Affine:
    rise, run = (3 * p[0] * p[0] + a, 2 * p[1]) if p == q else (q[1] - p[1], q[0] - p[0])
    slope = rise * _inverse(run, n) % n
    x = (slope * slope - p[0] - q[0]) % n
    return x, (slope * (p[0] - x) - p[1]) % n


def _affine(x: int, y: int, z: int, n: int) -> Affine:
    inverse = _inverse(z, n)
    square = inverse * inverse % n
    return x * square % n, y * square * inverse % n


def _inverse(x: int, n: int) -> int:
    try:
        return invert(x % n, n)
    except ZeroDivisionError:
        raise NotInvertible from None
