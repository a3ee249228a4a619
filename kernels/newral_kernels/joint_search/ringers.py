"""Units with findings, to put among those of a real search: tests of who would rather not search.

A real unit finds nothing, so an empty answer to it costs nothing. A ringer is a unit of the control
class, sign 1, which has findings; run it once, and who returns it without them did not search.

It is made to look like a real unit: the kind, the discriminant, parts and blocks, the size of p and
the cost are those of a real one. What tells it apart still is the sign, which is needed to search;
a lower bound, since the classes of sign 1 are larger; and a larger share of tested terms. So it
catches who is lazy whatever the unit is. Who reads units, and is lazy on real ones alone, is left
to opened leaves and to agreement with others.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

import numpy as np

from newral_kernels.joint_search.conditions import Conditions
from newral_kernels.joint_search.cost import PER_LISTED_PRIME_S, primes_cost_s, terms_cost_s
from newral_kernels.joint_search.primes import Primes, listed, stretches
from newral_kernels.joint_search.task import ALL_PIECES, PRIME_STOP, TERMS_MAX, Task
from newral_kernels.primality import is_prime_below_2_64

BOUND_STEPS: Final = 20  # halvings of the logarithm's range: the cost is right up to some per mille


def ringer(real: Task, seed: bytes) -> Task:
    """A unit of sign 1 like a real one, with primes that the seed chooses.

    Its findings are known when it was run. Raises ValueError for p too near to 2^32.
    """
    drawn = int.from_bytes(hashlib.sha256(b"newral ringer " + seed).digest()[:8], "big")
    shift = drawn % max(real.start // 8, 1)
    if real.stop + shift + 1000 > PRIME_STOP:
        raise ValueError(f"{real.stop} is too near to 2^32 for a ringer; take a smaller unit")
    task = replace(
        real,
        conditions=Conditions(real.conditions.discriminant, 1),
        start=real.start + shift,
        stop=real.stop + shift,
        most=TERMS_MAX,
        low=0,
        high=ALL_PIECES,
    )
    if real.primes:
        primes = _next_primes(real.primes, shift)
        task = replace(task, primes=primes, start=primes[0], stop=primes[-1] + 1)
    return replace(task, bound=_bound(task))


def _next_primes(primes: tuple[int, ...], shift: int) -> tuple[int, ...]:
    """As many primes, ascending, each the least from p + shift on that is left."""
    chosen: list[int] = []
    for p in primes:
        n = max(p + shift, chosen[-1] + 1 if chosen else 3) | 1
        while not is_prime_below_2_64(n):
            n += 2
        chosen.append(n)
    return tuple(chosen)


def _bound(task: Task) -> int:
    """The bound with which it costs what it is said to cost, or the given one if that is less."""
    if task.primes:
        some = [listed(task.conditions, task.primes)]
        own_s = PER_LISTED_PRIME_S * len(task.primes)
    else:
        some = list(stretches(task.conditions, task.start, task.stop))
        own_s = sum(_orders_cost_s(task, part) for part in some)
    low, high = task.start.bit_length() * 1.0, task.bound.bit_length() * 1.0
    for _ in range(BOUND_STEPS):
        middle = (low + high) / 2
        cost_s = own_s + sum(_terms_cost_s(task, part, int(2**middle)) for part in some)
        low, high = (middle, high) if cost_s * 10**6 < task.cost_us else (low, middle)
    return min(int(2**low), task.bound)


def _orders_cost_s(task: Task, some: Primes) -> float:
    return float(primes_cost_s(task.conditions, some.primes.astype(np.float64)).sum())


def _terms_cost_s(task: Task, some: Primes, bound: int) -> float:
    progressions = some.progressions(task.conditions.sign, bound)
    primes, terms = some.primes.astype(np.float64), progressions.terms.astype(np.float64)
    shares = some.symbol_shares(task.conditions, progressions)
    return float(terms_cost_s(task.conditions, bound, primes, terms, shares).sum())
