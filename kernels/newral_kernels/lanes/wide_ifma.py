"""Powers and Lucas sequences modulo numbers of any width, eight at a time, by AVX-512 IFMA.

Limbs and bounds are those of `newral_kernels.lanes.ifma`, with loops over the limbs in place of
straight code: arrays have a row for each limb and eight columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from newral_kernels.jit import compiled, device
from newral_kernels.lanes.ifma import LANES_AT_ONCE, LIMB_BITS
from newral_kernels.words import ONE, U64, ZERO

_WORD: Final = ir.IntType(64)
_VECTOR: Final = ir.VectorType(_WORD, LANES_AT_ONCE)
_NONE: Final = ir.Constant(_VECTOR, [0] * LANES_AT_ONCE)
_LIMB: Final = ir.Constant(_VECTOR, [LIMB_BITS] * LANES_AT_ONCE)
_MASK: Final = ir.Constant(_VECTOR, [2**LIMB_BITS - 1] * LANES_AT_ONCE)


class _Rows:
    """Emits code for arrays whose rows are vectors."""

    def __init__(self, context: Any, builder: Any) -> None:
        self._context = context
        self._builder = builder
        signature = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        name = "llvm.x86.avx512.vpmadd52{}.uq.512"
        self._low = builder.module.declare_intrinsic(name.format("l"), (), signature)
        self._high = builder.module.declare_intrinsic(name.format("h"), (), signature)

    def pointer(self, kind: Any, array: Any) -> Any:
        memory = self._context.make_array(kind)(self._context, self._builder, array)
        return self._builder.bitcast(memory.data, _VECTOR.as_pointer())

    def load(self, rows: Any, row: Any) -> Any:
        return self._builder.load(self._builder.gep(rows, [row]), align=8)

    def store(self, value: Any, rows: Any, row: Any) -> None:
        self._builder.store(value, self._builder.gep(rows, [row]), align=8)

    def low(self, total: Any, a: Any, b: Any) -> Any:
        return self._builder.call(self._low, [total, a, b])

    def add_products(self, total: Any, at: Any, factor: Any, b: Any, limbs: Any) -> None:
        """total += factor·b·2^(52·at)."""
        # What the last product added to is not written and read again, but stays in a register.
        current: Any = cgutils.alloca_once_value(self._builder, self.load(total, at))  # type: ignore[no-untyped-call]
        with cgutils.for_range(self._builder, limbs) as loop:
            row = self._builder.add(at, loop.index)
            above = self._builder.add(row, ir.Constant(_WORD, 1))
            limb = self.load(b, loop.index)
            self.store(self.low(self._builder.load(current), factor, limb), total, row)
            high = self._builder.call(self._high, [self.load(total, above), factor, limb])
            self._builder.store(high, current)
        self.store(self._builder.load(current), total, self._builder.add(at, limbs))


def _rows_intrinsic(define: Callable[..., Any]) -> Callable[..., None]:
    return cast("Callable[..., None]", intrinsic(define))


@_rows_intrinsic
def _multiply_row(typing: Any, total: Any, at: Any, a: Any, b: Any, limbs: Any) -> Any:  # noqa: ARG001
    """total += a[at]·b·2^(52·at)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows = _Rows(context, builder)
        kinds = signature.args
        sums, factors, others = (rows.pointer(kinds[i], args[i]) for i in (0, 2, 3))
        rows.add_products(sums, args[1], rows.load(factors, args[1]), others, args[4])
        return context.get_dummy_value()

    return types.void(total, at, a, b, limbs), generate


@_rows_intrinsic
def _reduce_row(typing: Any, total: Any, at: Any, n: Any, inverse: Any, limbs: Any) -> Any:  # noqa: ARG001
    """Add the multiple of n that makes the limb `at` zero, and carry from there."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows = _Rows(context, builder)
        kinds = signature.args
        sums, modulus, inverses = (rows.pointer(kinds[i], args[i]) for i in (0, 2, 3))
        zero = ir.Constant(_WORD, 0)
        factor = rows.low(_NONE, rows.load(sums, args[1]), rows.load(inverses, zero))
        rows.add_products(sums, args[1], factor, modulus, args[4])
        above = builder.add(args[1], ir.Constant(_WORD, 1))
        carry = builder.lshr(rows.load(sums, args[1]), _LIMB)
        rows.store(builder.add(rows.load(sums, above), carry), sums, above)
        return context.get_dummy_value()

    return types.void(total, at, n, inverse, limbs), generate


@_rows_intrinsic
def _carry_rows(typing: Any, to: Any, total: Any, addend: Any, doublings: Any, limbs: Any) -> Any:  # noqa: ARG001
    """As `_carry`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows = _Rows(context, builder)
        out, sums, more, flags = (rows.pointer(signature.args[i], args[i]) for i in range(4))
        shifts = rows.load(flags, ir.Constant(_WORD, 0))
        over: Any = cgutils.alloca_once_value(builder, _NONE)  # type: ignore[no-untyped-call]
        with cgutils.for_range(builder, args[4]) as loop:
            limb = rows.load(sums, builder.add(args[4], loop.index))
            limb = builder.add(builder.shl(limb, shifts), rows.load(more, loop.index))
            limb = builder.add(limb, builder.load(over))
            builder.store(builder.lshr(limb, _LIMB), over)
            rows.store(builder.and_(limb, _MASK), out, loop.index)
        last = builder.sub(args[4], ir.Constant(_WORD, 1))
        rest = builder.shl(builder.load(over), _LIMB)
        rows.store(builder.add(rows.load(out, last), rest), out, last)
        return context.get_dummy_value()

    return types.void(to, total, addend, doublings, limbs), generate


@device
def _multiply(
    total: NDArray[U64], a: NDArray[U64], b: NDArray[U64], n: NDArray[U64], inverse: NDArray[U64]
) -> None:
    """The upper half of `total` becomes a·b/R modulo n, with limbs that may exceed 52 bits."""
    limbs = n.shape[0]
    total[:] = ZERO
    for at in range(limbs):
        _multiply_row(total, at, a, b, limbs)
        _reduce_row(total, at, n, inverse, limbs)


@device
def _carry(
    to: NDArray[U64], total: NDArray[U64], addend: NDArray[U64], doublings: NDArray[U64]
) -> None:
    """`to` becomes the upper half, doubled where `doublings` is 1, plus an addend."""
    _carry_rows(to, total, addend, doublings, to.shape[0])


@compiled("void(uint64[:,::1], uint64[:,::1], int64, uint64[:,::1], uint64[::1])")
def powers_of_2(
    x: NDArray[U64], exponents: NDArray[U64], bits: int, n: NDArray[U64], inverse: NDArray[U64]
) -> None:
    """x, which is 1 in Montgomery form, becomes 2^exponent mod n, or n for 0.

    `exponents`, of so many bits, has a row for each word, lowest first.
    """
    total = np.empty((2 * n.shape[0] + 1, LANES_AT_ONCE), np.uint64)
    zero = np.zeros_like(n)
    flags = np.zeros(LANES_AT_ONCE, np.uint64)
    for bit in range(bits - 1, -1, -1):
        _read_bits(flags, exponents, bit)
        _multiply(total, x, x, n, inverse)
        _carry(x, total, zero, flags)
    _leave(x, total, n, inverse)


@compiled(
    "void(uint64[:,::1], uint64[:,::1], uint64[:,::1], int64, uint64[:,::1], uint64[:,::1],"
    " uint64[:,::1], uint64[::1])"
)
def lucas_sequences(
    v: NDArray[U64],
    w: NDArray[U64],
    indices: NDArray[U64],
    bits: int,
    minus_p: NDArray[U64],
    minus_two: NDArray[U64],
    n: NDArray[U64],
    inverse: NDArray[U64],
) -> None:
    """v and w, which are 2 and P in Montgomery form, become V_k and V_(k+1) mod n, or n for 0."""
    total = np.empty((2 * n.shape[0] + 1, LANES_AT_ONCE), np.uint64)
    mixed = np.empty_like(n)
    chosen = np.empty_like(n)
    flags = np.zeros(LANES_AT_ONCE, np.uint64)
    none = np.zeros(LANES_AT_ONCE, np.uint64)
    for bit in range(bits - 1, -1, -1):
        _read_bits(flags, indices, bit)
        _multiply(total, v, w, n, inverse)
        _carry(mixed, total, minus_p, none)
        for limb in range(n.shape[0]):
            for lane in range(LANES_AT_ONCE):
                chosen[limb, lane] = w[limb, lane] if flags[lane] else v[limb, lane]
        _multiply(total, chosen, chosen, n, inverse)
        _carry(chosen, total, minus_two, none)
        for limb in range(n.shape[0]):
            for lane in range(LANES_AT_ONCE):
                a, b = mixed[limb, lane], chosen[limb, lane]
                v[limb, lane] = a if flags[lane] else b
                w[limb, lane] = b if flags[lane] else a
    _leave(v, total, n, inverse)
    _leave(w, total, n, inverse)


@device
def _read_bits(flags: NDArray[U64], words: NDArray[U64], bit: int) -> None:
    for lane in range(LANES_AT_ONCE):
        flags[lane] = (words[bit // 64, lane] >> np.uint64(bit % 64)) & ONE


@device
def _leave(x: NDArray[U64], total: NDArray[U64], n: NDArray[U64], inverse: NDArray[U64]) -> None:
    """x becomes the number that it stands for, or n for 0."""
    unit = np.zeros_like(n)
    unit[0] = ONE
    _multiply(total, x, unit, n, inverse)
    unit[0] = ZERO
    _carry(x, total, unit, unit[0])
