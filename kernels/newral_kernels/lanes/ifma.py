"""Steps of exponentiations for eight lanes at a time, by the AVX-512 IFMA instructions.

These multiply limbs of 52 bits and add the low or the high half of the product. A number of L limbs
has them in the first L rows of an array, lowest first; a lane is a column. Residues modulo an odd n
are in Montgomery form with R = 2^(52·L). For n < R/2^7 they may be up to 10n: a product of two,
reduced, is below 2n. It stays below 10n when n is added or it is multiplied by up to 5, so that
nothing is ever compared with n.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

LIMB_BITS: Final = 52
SLACK_BITS: Final = 7
FACTOR_MAX: Final = 5
LANES_AT_ONCE: Final = 8

_WORD: Final = ir.IntType(64)
_VECTOR: Final = ir.VectorType(_WORD, LANES_AT_ONCE)
_INDICES: Final = ir.VectorType(ir.IntType(32), LANES_AT_ONCE)

Limbs: TypeAlias = list[Any]


def is_available() -> bool:
    """Whether code is compiled for a processor that has the instructions."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return "+avx512ifma" in features.split(",")


def _all(value: int) -> Any:
    return ir.Constant(_VECTOR, [value] * LANES_AT_ONCE)


class _Emitter:
    """Emits the code of one step, for the arguments of an intrinsic function."""

    def __init__(self, context: Any, builder: Any, lane: Any) -> None:
        self.builder = builder
        self._context = context
        self._lane = lane
        signature = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        name = "llvm.x86.avx512.vpmadd52{}.uq.512"
        self._low = builder.module.declare_intrinsic(name.format("l"), (), signature)
        self._high = builder.module.declare_intrinsic(name.format("h"), (), signature)

    def load(self, array: Any, limbs: int) -> Limbs:
        return [self.builder.load(at, align=8) for at in self._places(array, limbs)]

    def store(self, number: Limbs, array: Any) -> None:
        for limb, at in zip(number, self._places(array, len(number)), strict=True):
            self.builder.store(limb, at, align=8)

    def _places(self, array: Any, limbs: int) -> list[Any]:
        """Pointers to the lanes in each row; an array of one dimension is one row."""
        kind, value = array
        memory = self._context.make_array(kind)(self._context, self.builder, value)
        stride = self.builder.extract_value(memory.strides, 0)  # of no interest for one row
        length = self.builder.sdiv(stride, ir.Constant(_WORD, 8))
        places = []
        for row in range(limbs):
            before = self.builder.mul(length, ir.Constant(_WORD, row))
            pointer = self.builder.gep(memory.data, [self.builder.add(before, self._lane)])
            places.append(self.builder.bitcast(pointer, _VECTOR.as_pointer()))
        return places

    def bits(self, words: Any, bit: Any) -> Any:
        """One bit of each lane's word: 0 or 1."""
        return self.builder.and_(self.builder.lshr(words, self.spread(bit)), _all(1))

    def spread(self, word: Any) -> Any:
        """A word in all lanes."""
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        one = self.builder.insert_element(undefined, word, ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(_INDICES, [0] * LANES_AT_ONCE)
        return self.builder.shuffle_vector(one, undefined, everywhere)

    def choose(self, flags: Any, ones: Limbs, zeros: Limbs) -> Limbs:
        wanted = self.builder.icmp_unsigned("!=", flags, _all(0))
        return [self.builder.select(wanted, a, b) for a, b in zip(ones, zeros, strict=True)]

    def multiply(self, a: Limbs, b: Limbs, n: Limbs, inverse: Any) -> Limbs:
        """a·b/R modulo n, with limbs that may exceed 52 bits."""
        total = [_all(0)] * (2 * len(a))
        for i, first in enumerate(a):
            for j, second in enumerate(b):
                self._add_product(total, i + j, first, second)
        return self._reduce(total, n, inverse)

    def square(self, a: Limbs, n: Limbs, inverse: Any) -> Limbs:
        """As `multiply`, with mixed products doubled."""
        total = [_all(0)] * (2 * len(a))
        for i, first in enumerate(a):
            for j in range(i + 1, len(a)):
                self._add_product(total, i + j, first, a[j])
        total = [self.builder.shl(limb, _all(1)) for limb in total]
        for i, first in enumerate(a):
            self._add_product(total, 2 * i, first, first)
        return self._reduce(total, n, inverse)

    def _reduce(self, total: Limbs, n: Limbs, inverse: Any) -> Limbs:
        for i in range(len(n)):
            factor = self.builder.call(self._low, [_all(0), total[i], inverse])
            for j, limb in enumerate(n):
                self._add_product(total, i + j, factor, limb)
            carry = self.builder.lshr(total[i], _all(LIMB_BITS))
            total[i + 1] = self.builder.add(total[i + 1], carry)
        return total[len(n) :]

    def _add_product(self, total: Limbs, at: int, a: Any, b: Any) -> None:
        total[at] = self.builder.call(self._low, [total[at], a, b])
        total[at + 1] = self.builder.call(self._high, [total[at + 1], a, b])

    def add(self, a: Limbs, b: Limbs) -> Limbs:
        return self.carry([self.builder.add(x, y) for x, y in zip(a, b, strict=True)])

    def carry(self, number: Limbs) -> Limbs:
        """With limbs of 52 bits, but for the highest."""
        done: Limbs = []
        over = _all(0)
        for limb in number:
            total = self.builder.add(limb, over)
            over = self.builder.lshr(total, _all(LIMB_BITS))
            done.append(self.builder.and_(total, _all(2**LIMB_BITS - 1)))
        return [*done[:-1], total]


def _step(limbs: int, emit: Callable[..., None]) -> Callable[..., None]:
    """A function for compiled code: `emit` gets its arguments, arrays with their types."""

    def define(typing: Any, *kinds: Any) -> Any:  # noqa: ARG001 - numba's protocol
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emitter = _Emitter(context, builder, args[-1])
            arrays = [
                (kind, value) if isinstance(kind, types.Array) else value
                for kind, value in zip(signature.args[:-1], args[:-1], strict=True)
            ]
            emit(emitter, limbs, *arrays)
            return context.get_dummy_value()

        return types.void(*kinds), generate

    # numba takes the number of arguments from the signature: emit's, with a lane at the end.
    names = ["typing", *list(inspect.signature(emit).parameters)[2:], "lane"]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    described: Any = define
    described.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])
    return cast("Callable[..., None]", intrinsic(define))


def _emit_square_and_double(
    e: _Emitter, limbs: int, x: Any, doublings: Any, n: Any, inverse: Any, bit: Any
) -> None:
    square = e.square(e.load(x, limbs), e.load(n, limbs), e.load(inverse, 1)[0])
    flags = e.bits(e.load(doublings, 1)[0], bit)
    e.store(e.carry([e.builder.shl(limb, flags) for limb in square]), x)


def _emit_square_and_scale(
    e: _Emitter, limbs: int, x: Any, scalings: Any, factor: Any, n: Any, inverse: Any, bit: Any
) -> None:
    square = e.square(e.load(x, limbs), e.load(n, limbs), e.load(inverse, 1)[0])
    flags = e.bits(e.load(scalings, 1)[0], bit)
    scaled = [e.builder.mul(limb, e.spread(factor)) for limb in square]
    e.store(e.carry(e.choose(flags, scaled, square)), x)


def _emit_ladder(
    e: _Emitter,
    limbs: int,
    v: Any,
    w: Any,
    index: Any,
    minus_p: Any,
    minus_two: Any,
    n: Any,
    inverse: Any,
    bit: Any,
) -> None:
    this, following, modulus = e.load(v, limbs), e.load(w, limbs), e.load(n, limbs)
    (negative_inverse,) = e.load(inverse, 1)
    flags = e.bits(e.load(index, 1)[0], bit)
    mixed = e.multiply(this, following, modulus, negative_inverse)
    mixed = e.add(mixed, e.load(minus_p, limbs))
    square = e.square(e.choose(flags, following, this), modulus, negative_inverse)
    square = e.add(square, e.load(minus_two, limbs))
    e.store(e.choose(flags, mixed, square), v)
    e.store(e.choose(flags, square, mixed), w)


def _emit_multiply_and_add(
    e: _Emitter, limbs: int, to: Any, a: Any, b: Any, addend: Any, n: Any, inverse: Any
) -> None:
    factors = e.load(a, limbs), e.load(b, limbs)
    product = e.multiply(*factors, e.load(n, limbs), e.load(inverse, 1)[0])
    e.store(e.add(product, e.load(addend, limbs)), to)


square_and_double_2 = _step(2, _emit_square_and_double)
square_and_double_3 = _step(3, _emit_square_and_double)
"""(x, doublings, n, inverse, bit, lane): x becomes x²/R, doubled where that bit of `doublings` is
1. `inverse` is -1/n modulo 2^52; eight lanes from `lane` on are worked on."""

square_and_scale_2 = _step(2, _emit_square_and_scale)
square_and_scale_3 = _step(3, _emit_square_and_scale)
"""(x, scalings, factor, n, inverse, bit, lane): x becomes x²/R, times a factor up to `FACTOR_MAX`
where that bit of `scalings` is 1."""

ladder_2 = _step(2, _emit_ladder)
ladder_3 = _step(3, _emit_ladder)
"""(v, w, index, minus_p, minus_two, n, inverse, bit, lane): from V_k and V_(k+1) to V_2k and
V_(2k+1), or to V_(2k+1) and V_(2k+2) where that bit of `index` is 1."""

multiply_and_add_2 = _step(2, _emit_multiply_and_add)
multiply_and_add_3 = _step(3, _emit_multiply_and_add)
"""(to, a, b, addend, n, inverse, lane): to becomes a·b/R + addend. For b = 1 and an addend 0 that
is the number which a stands for, or n in place of 0."""
