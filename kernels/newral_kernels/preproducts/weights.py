"""How much work follows each prime of a cell: the tree of preproducts, counted but not searched."""

from __future__ import annotations

from typing import Final

import numpy as np

from newral_kernels.borrowing import borrowing
from newral_kernels.float_residues import Doubles, integer, real
from newral_kernels.jit import compiled
from newral_kernels.preproducts.cofactors import few_cofactors, isqrt
from newral_kernels.preproducts.tree import (
    Stack,
    cube_root,
    is_admissible,
    lcm,
    make_stack,
)
from newral_kernels.preproducts.workspace import (
    DEPTH_MAX,
    Integers,
    Primes,
)

# What is counted.
NODES: Final = 0
PAIRS: Final = 1
COFACTOR_NODES: Final = 2
COFACTORS: Final = 3
FEATURES: Final = 4

SEGMENT_PRIMES: Final = 5000  # about as many as there are in a segment, which is begun anew

EXACT: Final = 8  # of the first branches, which weigh most, none is left out


@compiled("void(int64, int64[::1], int64, int64, int64, uint32[::1], int64[::1], float64[:, ::1])")
def count_work(
    below: int,
    prefix: Integers,
    first: int,
    last: int,
    stride: int,
    primes: Primes,
    pi: Integers,
    counts: Doubles,
) -> None:
    """Add to counts[i] what is below prefix·primes[first + i], for first + i < last.

    pi[x] is the number of primes, all odd, up to x. With a stride above 1, of many branches one
    in `stride` is counted, that many times.
    """
    stack = make_stack()
    factors = np.zeros(DEPTH_MAX + 1, np.int64)
    base = len(prefix)
    product, exponent = 1, 1
    for index in range(base):
        factors[index] = prefix[index]
        product *= prefix[index]
        exponent = lcm(exponent, prefix[index] - 1)
    for index in range(first, last):
        p = integer(primes[index])
        if is_admissible(p, factors, base):
            factors[base] = p
            stack.products[base + 1] = product * p
            stack.exponents[base + 1] = lcm(exponent, p - 1)
            _count_subtree(
                below, base + 1, index, stride, primes, pi, factors, stack, counts[index - first]
            )


@borrowing
def _count_subtree(
    below: int,
    base: int,
    index: int,
    stride: int,
    primes: Primes,
    pi: Integers,
    factors: Integers,
    stack: Stack,
    counts: Doubles,
) -> None:
    depth = base
    _count_node(below, depth, index, 1, stride, pi, factors, stack, counts)
    while depth >= base:
        child = stack.next_children[depth]
        step = 1 if child < stack.sampled_from[depth] else stride
        if child >= stack.last_children[depth]:
            depth -= 1
            continue
        # The first of those sampled stands for as many before as behind it.
        is_last = child + 1 == stack.sampled_from[depth]
        stack.next_children[depth] = child + step + (stride // 2 if is_last else 0)
        p = integer(primes[child])
        if not is_admissible(p, factors, depth):
            continue
        factors[depth] = p
        stack.products[depth + 1] = stack.products[depth] * p
        stack.exponents[depth + 1] = lcm(stack.exponents[depth], p - 1)
        depth += 1
        weight = stack.weights[depth - 1] * step
        _count_node(below, depth, child, weight, stride, pi, factors, stack, counts)


@borrowing
def _count_node(
    below: int,
    depth: int,
    index: int,
    weight: int,
    stride: int,
    pi: Integers,
    factors: Integers,
    stack: Stack,
    counts: Doubles,
) -> None:
    product, exponent = stack.products[depth], stack.exponents[depth]
    x = below // product
    stack.next_children[depth] = index + 1
    stack.last_children[depth] = 0
    stack.weights[depth] = weight
    if few_cofactors(below, product, exponent, factors[depth - 1]):
        counts[COFACTOR_NODES] += weight
        counts[COFACTORS] += weight * (x / exponent)
        return
    pairs = _prime_count(isqrt(x), pi) - (index + 1)
    if pairs <= 0:
        return
    counts[NODES] += weight * (1 + pairs / SEGMENT_PRIMES)
    counts[PAIRS] += weight * pairs
    last = pi[cube_root(x)]
    stack.last_children[depth] = last
    # Sampled once on each path, where there are many branches, all light; the first weigh most.
    is_light = product > isqrt(isqrt(below))
    is_sampled = weight == 1 and is_light and last - (index + 1) >= EXACT + stride
    stack.sampled_from[depth] = index + 1 + EXACT if is_sampled else last


def prime_count(x: int, pi: Integers) -> float:
    """About as many as there are odd primes up to x."""
    if x < len(pi):
        return real(pi[x])
    logarithm = np.log(real(x))
    return float(x / (logarithm - 1 - 1 / logarithm))


_prime_count = borrowing(prime_count)
