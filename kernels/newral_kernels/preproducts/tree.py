"""The tree of preproducts of a cell, walked through in groups: the parts that leaves stand for.

A preproduct below a threshold is an *owner*. Its primes q, and the primes p that lead from it to
preproducts which are no owners, with everything below those, are cut by size into groups.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from newral_kernels.borrowing import borrowing
from newral_kernels.float_residues import integer, real
from newral_kernels.jit import compiled, device
from newral_kernels.preproducts.cofactors import (
    complete_cofactors,
    few_cofactors,
    flush,
    isqrt,
)
from newral_kernels.preproducts.node import Node, gcd
from newral_kernels.preproducts.pairs import complete_pairs
from newral_kernels.preproducts.prime_tables import SEGMENT_BITS, Tables
from newral_kernels.preproducts.workspace import (
    DEPTH_MAX,
    Bytes,
    Integers,
    Integers2,
    Primes,
    Queue,
    Words,
    Work,
    make_queue,
    make_work,
)
from newral_kernels.words import HALF_BITS, U64, ZERO

# Columns of the table of owners; the factors follow.
PRODUCT: Final = 0
EXPONENT: Final = 1
DEPTH: Final = 2
FIRST: Final = 3
"""Index of the least prime q."""
LAST: Final = 4
"""Index above the largest."""
WHOLE: Final = 5
"""Whether it is completed by cofactors, in one group."""
FACTORS: Final = 6
# Columns of the table of groups.
OWNER: Final = 0
SEGMENT: Final = 1
LEAF: Final = 2
GROUP_FIELDS: Final = 3

LEAF_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio
LEAF_SUMMAND: Final = np.uint64(0xC2B2AE3D27D4EB4F)  # odd, without a simple relation to the other
OWNER_FIELDS: Final = FACTORS + DEPTH_MAX


@borrowing
def _leaf(product: int, segment: int, leaves: int) -> int:
    """⌊leaves·h/2^32⌋, where h is the upper half of P·A + s·B mod 2^64."""
    mixed = np.uint64(product) * LEAF_FACTOR + np.uint64(segment) * LEAF_SUMMAND
    return integer((mixed >> HALF_BITS) * np.uint64(leaves) >> HALF_BITS)


class Stack(NamedTuple):
    """A path of preproducts, and where each continues among the primes."""

    products: Integers
    exponents: Integers
    next_children: Integers
    last_children: Integers
    sampled_from: Integers
    weights: Integers


@device
def make_stack() -> Stack:
    size = DEPTH_MAX + 2
    return Stack(
        np.zeros(size, np.int64),
        np.zeros(size, np.int64),
        np.zeros(size, np.int64),
        np.zeros(size, np.int64),
        np.zeros(size, np.int64),
        np.zeros(size, np.int64),
    )


@borrowing
def _index_above(tables: Tables, bound: int) -> int:
    """How many primes there are up to the bound."""
    if bound < 0:
        return 0
    segment = bound >> SEGMENT_BITS
    if segment + 1 >= len(tables.starts):
        return len(tables.primes)
    low, high = tables.starts[segment], tables.starts[segment + 1]
    while low < high:
        middle = (low + high) >> 1
        if integer(tables.primes[middle]) <= bound:
            low = middle + 1
        else:
            high = middle
    return integer(low)


@borrowing
def cube_root(number: int) -> int:
    root = integer(np.cbrt(real(number)))
    while root * root * root > number:
        root -= 1
    while (root + 1) * (root + 1) * (root + 1) <= number:
        root += 1
    return root


@borrowing
def is_admissible(p: int, factors: Integers, depth: int) -> bool:
    """Whether p − 1 is a multiple of none of the factors."""
    for index in range(depth):  # noqa: SIM110 - compiled code has no generators
        if np.uint64(p - 1) % np.uint64(factors[index]) == ZERO:
            return False
    return True


@borrowing
def lcm(a: int, b: int) -> int:
    return a // gcd(a, b) * b


@compiled(
    "int64(int64, int64, int64[::1], int64, int64, uint32[::1], int64[::1], int64[::1], "
    "int64[:, ::1])"
)
def list_owners(
    below: int,
    threshold: int,
    prefix: Integers,
    low: int,
    high: int,
    primes: Primes,
    starts: Integers,
    spf: Integers,
    owners: Integers2,
) -> int:
    """Write the owners, depth first; return how many there are: more than fit, perhaps."""
    tables = Tables(primes, starts, spf)
    stack = make_stack()
    factors = np.zeros(DEPTH_MAX + 1, np.int64)
    base = len(prefix)
    product, exponent = 1, 1
    for index in range(base):
        factors[index] = prefix[index]
        product *= prefix[index]
        exponent = lcm(exponent, prefix[index] - 1)
    depth = base
    stack.products[depth], stack.exponents[depth] = product, exponent
    x = below // product
    largest = min(isqrt(x), high - 1) if depth > 0 else min(cube_root(x), high - 1)
    first = _index_above(tables, low - 1)
    last = max(_index_above(tables, largest), first)
    count = _write_owner(owners, 0, product, exponent, depth, first, last, False, factors)
    stack.next_children[depth] = first
    stack.last_children[depth] = min(last, _index_above(tables, cube_root(x)))
    while depth >= base:
        child = stack.next_children[depth]
        product = stack.products[depth]
        if child >= stack.last_children[depth] or (
            product >= threshold // integer(primes[child]) + 1
        ):
            depth -= 1
            continue
        stack.next_children[depth] = child + 1
        p = integer(primes[child])
        if product * p >= threshold or not is_admissible(p, factors, depth):
            continue
        factors[depth] = p
        product *= p
        exponent = lcm(stack.exponents[depth], p - 1)
        depth += 1
        stack.products[depth], stack.exponents[depth] = product, exponent
        x = below // product
        whole = few_cofactors(below, product, exponent, p)
        first, last = child + 1, max(_index_above(tables, isqrt(x)), child + 1)
        count = _write_owner(owners, count, product, exponent, depth, first, last, whole, factors)
        stack.next_children[depth] = first
        stack.last_children[depth] = first if whole else _index_above(tables, cube_root(x))
    return count


@borrowing
def _write_owner(
    owners: Integers2,
    row: int,
    product: int,
    exponent: int,
    depth: int,
    first: int,
    last: int,
    whole: bool,
    factors: Integers,
) -> int:
    if row < len(owners):
        owners[row, PRODUCT] = product
        owners[row, EXPONENT] = exponent
        owners[row, DEPTH] = depth
        owners[row, FIRST] = first
        owners[row, LAST] = last
        owners[row, WHOLE] = integer(whole)
        for index in range(depth):
            owners[row, FACTORS + index] = factors[index]
    return row + 1


@compiled("int64(int64[:, ::1], uint32[::1], int64, int64[:, ::1])")
def list_groups(owners: Integers2, primes: Primes, leaves: int, groups: Integers2) -> int:
    """Write owner, segment and leaf of each group, in order; return how many there are.

    Writes no more than fit, so that an empty table gets the number.
    """
    count = 0
    for row in range(len(owners)):
        first, last = owners[row, FIRST], owners[row, LAST]
        if first >= last:
            continue
        low = integer(primes[first]) >> SEGMENT_BITS
        high = integer(primes[last - 1]) >> SEGMENT_BITS
        if owners[row, WHOLE]:
            low = high = 0
        for segment in range(low, high + 1):
            if count < len(groups):
                groups[count, OWNER] = row
                groups[count, SEGMENT] = segment
                groups[count, LEAF] = _leaf(owners[row, PRODUCT], segment, leaves)
            count += 1
    return count


@compiled(
    "UniTuple(int64, 2)(int64, int64, int64[:, ::1], int64[:, ::1], int64, int64, uint8[::1], "
    "uint64[::1], uint32[::1], int64[::1], int64[::1], int64[:, ::1])"
)
def search_groups(
    below: int,
    threshold: int,
    owners: Integers2,
    groups: Integers2,
    start: int,
    stop: int,
    wanted: Bytes,
    sums: Words,
    primes: Primes,
    starts: Integers,
    spf: Integers,
    hits: Integers2,
) -> tuple[int, int]:
    """Search groups[start:stop], rows of an owner, a segment and a leaf, whose leaf is wanted.

    Adds the residues to the leaves' sums. Returns where it stopped, which is before `stop` when the
    next group has more hits than there is room for, and the number of hits.
    """
    tables = Tables(primes, starts, spf)
    work, queue, stack = make_work(hits), make_queue(), make_stack()
    for row in range(start, stop):
        leaf = groups[row, LEAF]
        if not wanted[leaf]:
            continue
        before = work.counts[0]
        total = _search_group(
            below,
            threshold,
            owners[groups[row, OWNER]],
            groups[row, SEGMENT],
            tables,
            queue,
            stack,
            work,
        )
        if work.counts[0] > len(hits):
            return row, before
        sums[leaf] += total
    return stop, work.counts[0]


@borrowing
def _search_group(
    below: int,
    threshold: int,
    owner: Integers,
    segment: int,
    tables: Tables,
    queue: Queue,
    stack: Stack,
    work: Work,
) -> U64:
    product, exponent, depth = owner[PRODUCT], owner[EXPONENT], owner[DEPTH]
    for index in range(depth):
        work.factors[index] = owner[FACTORS + index]
    if owner[WHOLE]:
        total = complete_cofactors(below, product, exponent, depth, tables.primes, queue, work)
        return total + flush(tables.primes, queue, work)
    first = max(owner[FIRST], _index_above(tables, (segment << SEGMENT_BITS) - 1))
    last = min(owner[LAST], _index_above(tables, ((segment + 1) << SEGMENT_BITS) - 1))
    total = ZERO
    if depth > 0:
        node = Node(product, exponent, depth)
        total += complete_pairs(below, node, tables.primes, tables.spf, first, last, work)
    largest = cube_root(below // product)
    for index in range(first, last):
        p = integer(tables.primes[index])
        if p > largest:
            break
        if product * p >= threshold and is_admissible(p, work.factors, depth):
            work.factors[depth] = p
            total += _search_subtree(
                below,
                product * p,
                lcm(exponent, p - 1),
                depth + 1,
                index,
                tables,
                queue,
                stack,
                work,
            )
    return total + flush(tables.primes, queue, work)


@borrowing
def _search_subtree(
    below: int,
    product: int,
    exponent: int,
    base: int,
    index: int,
    tables: Tables,
    queue: Queue,
    stack: Stack,
    work: Work,
) -> U64:
    """Complete a preproduct, whose largest prime is primes[index], and all that begin with it."""
    depth = base
    stack.products[depth], stack.exponents[depth] = product, exponent
    total = _visit(below, depth, index, tables, queue, stack, work)
    while depth >= base:
        child = stack.next_children[depth]
        if child >= stack.last_children[depth]:
            depth -= 1
            continue
        stack.next_children[depth] = child + 1
        p = integer(tables.primes[child])
        if not is_admissible(p, work.factors, depth):
            continue
        work.factors[depth] = p
        stack.products[depth + 1] = stack.products[depth] * p
        stack.exponents[depth + 1] = lcm(stack.exponents[depth], p - 1)
        depth += 1
        total += _visit(below, depth, child, tables, queue, stack, work)
    return total


@borrowing
def _visit(
    below: int,
    depth: int,
    index: int,
    tables: Tables,
    queue: Queue,
    stack: Stack,
    work: Work,
) -> U64:
    """Complete one preproduct, and say in the stack which primes lead on from it."""
    product, exponent = stack.products[depth], stack.exponents[depth]
    stack.next_children[depth] = index + 1
    stack.last_children[depth] = 0
    if few_cofactors(below, product, exponent, work.factors[depth - 1]):
        return complete_cofactors(below, product, exponent, depth, tables.primes, queue, work)
    x = below // product
    last = _index_above(tables, isqrt(x))
    if last <= index + 1:
        return ZERO
    stack.last_children[depth] = _index_above(tables, cube_root(x))
    node = Node(product, exponent, depth)
    return complete_pairs(below, node, tables.primes, tables.spf, index + 1, last, work)
