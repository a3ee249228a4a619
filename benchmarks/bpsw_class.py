"""The joint search beside straightforward ones, on one core.

    .venv/bin/python benchmarks/bpsw_class.py

The peers go through the same classes, of which a prime p leaves one modulo lcm(2, order, rank), and
make a Fermat test modulo n of every n of a class with the right symbol: one with gmpy2, the other
compiled, with n in one word. Both find orders and ranks by dividing p − 1 and p ± 1 by primes. All
count the same candidates.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Final

import numba
import numpy as np
from timing import best_s, report

from newral_kernels.gmp import invert, jacobi, lucasu_mod, powmod
from newral_kernels.joint_search.conditions import Conditions
from newral_kernels.joint_search.primes import stretch
from newral_kernels.joint_search.task import TERMS_MAX, Task
from newral_kernels.joint_search.work import examine, prepare
from newral_kernels.sieve import primes_between
from newral_kernels.words import ONE, ZERO, add_mod, inverse_word, mont_mul, mont_one

REAL: Final = Conditions(5, -1)
DIVISORS: Final = primes_between(0, 2**16)
DIVISOR_WORDS: Final = np.array(DIVISORS, np.int64)


def ours(bound: int, start: int, stop: int) -> int:
    """The number of candidates; orders and ranks are computed anew each time."""
    stretch.cache_clear()
    task = Task(
        conditions=REAL, bound=bound, start=start, stop=stop, most=TERMS_MAX, parts=1, cost_us=1
    )
    return examine(task, 0, 1).candidates


def least(multiple: int, holds: Callable[[int], bool]) -> int:
    """The least divisor of a multiple for which something holds, given that it does for that."""
    rest, result = multiple, multiple
    for q in (*DIVISORS, 0):
        q = rest if q * q > rest or q == 0 else q
        while q > 1 and rest % q == 0:
            rest //= q
            if holds(result // q):
                result //= q
        if rest == 1:
            break
    return result


def with_gmpy2(bound: int, start: int, stop: int) -> int:
    """The loop in Python."""
    candidates, passed = 0, []
    for p in primes_between(start, stop):
        symbol = jacobi(5, p)
        order = least(p - 1, lambda k, p=p: powmod(2, k, p) == 1)  # type: ignore[misc]
        rank = least(p - symbol, lambda k, p=p: lucasu_mod(1, -1, k, p) == 0)  # type: ignore[misc]
        shared = math.gcd(order, rank)
        if 2 % shared:
            continue
        step = math.lcm(order, rank)
        first = 1 + step
        if symbol == 1:
            modulus = rank // shared
            first = 1 + order * int(-2 // shared * invert(order // shared, modulus) % modulus)
        if step % 2:
            first += step * (first % 2 == 0)
            step *= 2
        for n in range(p * first, bound + 1, p * step):
            candidates += 1
            if jacobi(5, n) == -1 and powmod(2, n - 1, n) == 1:
                passed.append(n)
    return candidates


njit: Any = numba.njit(error_model="numpy")


@njit
def power_of_two(k: int, p: int) -> int:
    """2^k mod p, for p < 2^31."""
    x = 1
    for bit in range(40, -1, -1):
        x = x * x % p
        if (k >> bit) & 1:
            x = x * 2 % p
    return x


@njit
def fibonacci(k: int, p: int) -> int:
    """U_k modulo p of P = 1, Q = −1, for p < 2^31."""
    a, b = 0, 1
    for bit in range(40, -1, -1):
        a, b = a * ((2 * b - a) % p) % p, (a * a + b * b) % p
        if (k >> bit) & 1:
            a, b = b, (a + b) % p
    return a


@njit
def least_divisor(multiple: int, is_order: bool, p: int, divisors: Any) -> int:
    """`least`, of the order of 2 or of the rank."""
    rest, result = multiple, multiple
    for q in divisors:
        if q * q > rest:
            q = rest
        while q > 1 and rest % q == 0:
            rest //= q
            k = result // q
            if (power_of_two(k, p) == 1) if is_order else (fibonacci(k, p) == 0):
                result //= q
        if rest == 1:
            break
    return result


@njit
def is_pseudoprime(n: Any) -> bool:
    """Whether 2^(n−1) ≡ 1 (mod n), for an odd n < 2^64."""
    inverse, one, bit = inverse_word(n), mont_one(n), ONE << np.uint64(63)
    x = one
    while (n - ONE) & bit == ZERO:
        bit >>= ONE
    while bit > ZERO:
        x = mont_mul(x, x, n, inverse)
        if (n - ONE) & bit:
            x = add_mod(x, x, n)
        bit >>= ONE
    return x == one


@njit
def _inverse(a: int, modulus: int) -> int:
    r, s, x, y = modulus, a % modulus, 0, 1
    while s:
        q = r // s
        r, s, x, y = s, r - q * s, y, x - q * y
    return x % modulus


@njit
def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


@njit
def _loop(bound: Any, primes: Any, symbols: Any, divisors: Any) -> tuple[int, int]:
    candidates = passed = 0
    for k in range(len(primes)):
        p, symbol = primes[k], symbols[k]
        order = least_divisor(p - 1, True, p, divisors)
        rank = least_divisor(p - symbol, False, p, divisors)
        shared = _gcd(order, rank)
        if 2 % shared:
            continue
        step = order // shared * rank
        first = 1 + step
        if symbol == 1:
            modulus = rank // shared
            first = 1 + order * (-2 // shared * _inverse(order // shared, modulus) % modulus)
        if step % 2:
            first += step if first % 2 == 0 else 0
            step *= 2
        s, most = np.uint64(first), bound // np.uint64(p)
        while s <= most:
            n = s * np.uint64(p)
            candidates += 1
            rest = n % np.uint64(5)
            if (rest == np.uint64(2) or rest == np.uint64(3)) and is_pseudoprime(n):
                passed += 1
            s += np.uint64(step)
    return candidates, passed


def compiled(bound: int, start: int, stop: int) -> int:
    """The loop, compiled."""
    primes = primes_between(start, stop)
    symbols = np.array([jacobi(5, p) for p in primes], np.int64)
    return int(_loop(np.uint64(bound), np.array(primes, np.int64), symbols, DIVISOR_WORDS)[0])


NAMES: Final = {with_gmpy2: "a loop with gmpy2", compiled: "the same loop, compiled"}


def main() -> None:
    """Print our rate and each peer's."""
    prepare()
    for bound, start, stop, *peers in (
        (10**14, 10**4, 12_000, with_gmpy2, compiled),
        (10**15, 10**4, 2 * 10**6, compiled),
        (2**64 - 1, 39_000, 39_050, compiled),
    ):
        ways = [functools.partial(way, bound, start, stop) for way in (ours, *peers)]
        [count] = {way() for way in ways}
        ours_s, *peers_s = best_s(*ways, rounds=3)
        names = [NAMES[peer] for peer in peers]
        report(
            f"bpsw-class to {bound:.0e}, p from {start} to {stop}",
            count,
            "candidates",
            ours_s,
            dict(zip(names, peers_s, strict=True)),
        )


if __name__ == "__main__":
    main()
