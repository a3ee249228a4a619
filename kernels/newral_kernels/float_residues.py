"""Residues modulo M < 2^50 as integers in doubles, for compiled code that the compiler vectorises.

A residue is any integer x ≡ a (mod M) with |x| < 0.6·M. Products are reduced with fused
multiply-add, which rounds once: the difference of two nearly equal doubles comes out exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from newral_kernels.borrowing import borrowing

Doubles: TypeAlias = npt.NDArray[Any]

# In compiled code, where they are what numba knows them as.
integer: Final = cast("Callable[[Any], int]", np.int64)
real: Final = cast("Callable[[Any], float]", np.float64)

MODULUS_BITS_MAX: Final = 50  # leaves 2^-4 of the modulus for the error of a quotient

_fma_signature: Final = types.float64(types.float64, types.float64, types.float64)


def _intrinsic(define: Callable[..., Any]) -> Callable[..., float]:
    return cast("Callable[..., float]", intrinsic(define))


@_intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:  # noqa: ARG001 - numba's protocol
    """a·b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.fma(*args)

    return _fma_signature, generate


@_intrinsic
def nearest(typing: Any, a: Any) -> Any:  # noqa: ARG001
    """The integer nearest to a, as a double."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        function = builder.module.declare_intrinsic("llvm.rint", [args[0].type])
        return builder.call(function, args)

    return types.float64(types.float64), generate


@borrowing
def mul_mod(a: float, b: float, modulus: float, inverse: float) -> float:
    """A residue ≡ a·b, for |a|, |b| < 0.6·M or |a·b| < 2^52·M/4; inverse is 1/M, rounded.

    The quotient is off by less than 1/2 + 2^-52·|ab/M|, so that what remains is below 2^50 and,
    being an integer, exact at every step.
    """
    high = a * b
    low = fma(a, b, -high)
    quotient = nearest(high * inverse)
    return fma(-quotient, modulus, high) + low


@borrowing
def reduce_mod(a: float, modulus: float, inverse: float) -> float:
    """A residue ≡ a, for an integer |a| < 2^52."""
    return fma(-nearest(a * inverse), modulus, a)


@borrowing
def invert_each(tree: Doubles, count: int, modulus: float) -> None:
    """Replace the residues tree[:count], count >= 1, by their inverses, with one inversion.

    Montgomery's trick as a tree of products, each level of which lies behind the one below, at
    most 2·count + 64 doubles in all: within a level, nothing waits for anything. All must be
    invertible.
    """
    inverse = 1.0 / modulus
    level, size = 0, count
    while size > 1:
        half = (size + 1) >> 1
        above = level + size
        pairs = size - half
        first, second = tree[level : level + pairs], tree[level + half : level + size]
        products = tree[above : above + pairs]
        for i in range(pairs):
            products[i] = mul_mod(first[i], second[i], modulus, inverse)
        if size & 1:
            tree[above + half - 1] = tree[level + half - 1]
        level, size = above, half
    top = real(inverse_mod(integer(tree[level]), integer(modulus)))
    tree[level] = top if 2 * top < modulus else top - modulus
    while level > 0:
        above = level
        # A level of `size` values stands on one of 2·size or 2·size − 1: as many as halving gave.
        size = _size_below(count, above)
        level = above - size
        half = (size + 1) >> 1
        pairs = size - half
        first, second = tree[level : level + pairs], tree[level + half : level + size]
        products = tree[above : above + pairs]
        for i in range(pairs):
            one, other = first[i], second[i]
            first[i] = mul_mod(products[i], other, modulus, inverse)
            second[i] = mul_mod(products[i], one, modulus, inverse)
        if size & 1:
            tree[level + half - 1] = tree[above + half - 1]


@borrowing
def _size_below(count: int, end: int) -> int:
    """The size of the level that ends at `end`."""
    start, size = 0, count
    while start + size < end:
        start += size
        size = (size + 1) >> 1
    return size


@borrowing
def inverse_mod(a: int, modulus: int) -> int:
    """The inverse of a, |a| < modulus < 2^62, from 0 to modulus − 1; 0 when there is none."""
    if modulus == 1:
        return 0
    previous, rest = modulus, a if a >= 0 else a + modulus
    x, y = 0, 1
    while rest > 1:
        quotient = np.uint64(previous) // np.uint64(rest)
        multiple = integer(quotient)
        previous, rest = rest, previous - multiple * rest
        x, y = y, x - multiple * y
    if rest == 0:
        return 0
    return y if y >= 0 else y + modulus
