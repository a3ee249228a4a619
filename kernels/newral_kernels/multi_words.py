"""Arithmetic on numbers of any count of 64-bit words, for compiled code: residues modulo an odd n.

A number is given as a `Pointer` to its words, lowest first, and with their count. Residues are in
Montgomery form with R = 2^(64·words). Whoever makes a pointer keeps what it points to alive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from newral_kernels.jit import device
from newral_kernels.words import HALF_BITS, HALF_MASK, ONE, U64, WORD_BITS, ZERO, clz64

Pointer: TypeAlias = np.uint64
Rows: TypeAlias = NDArray[U64]
"""A number in each row."""

UNROLLED: Final = (2, 3, 4, 5, 6, 8)
"""Counts of words for which there is straight code; others in between are filled up to them."""

_BLOCK: Final = 8
_WORD: Final = ir.IntType(64)
_DOUBLE: Final = ir.IntType(128)
_BITS: Final = 64


def padded(words: int) -> int:
    """How many words to give to numbers of so many."""
    return next((count for count in UNROLLED if count >= words), words)


def _intrinsic(define: Callable[..., Any]) -> Callable[..., Any]:
    return cast("Callable[..., Any]", intrinsic(define))


def _place(builder: Any, pointer: Any, index: Any) -> Any:
    return builder.gep(builder.inttoptr(pointer, _WORD.as_pointer()), [index])


@_intrinsic
def row_of(typing: Any, array: Any, row: Any) -> Any:  # noqa: ARG001 - numba's protocol
    """A pointer to a row of an array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        memory = context.make_array(signature.args[0])(context, builder, args[0])
        stride = builder.extract_value(memory.strides, 0)
        start = builder.ptrtoint(memory.data, _WORD)
        return builder.add(start, builder.mul(stride, args[1]))

    return types.uint64(array, types.int64), generate


@_intrinsic
def get(typing: Any, pointer: Any, index: Any) -> Any:  # noqa: ARG001
    """The word at an index."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.load(_place(builder, args[0], args[1]))

    return types.uint64(types.uint64, types.int64), generate


@_intrinsic
def put(typing: Any, pointer: Any, index: Any, word: Any) -> Any:  # noqa: ARG001
    """Set the word at an index."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        builder.store(args[2], _place(builder, args[0], args[1]))
        return context.get_dummy_value()

    return types.void(types.uint64, types.int64, types.uint64), generate


def _join(builder: Any, words: list[Any], kind: Any) -> Any:
    value = builder.zext(words[0], kind)
    for place, word in enumerate(words[1:], 1):
        shifted = builder.shl(builder.zext(word, kind), ir.Constant(kind, 64 * place))
        value = builder.or_(value, shifted)
    return value


def _word(builder: Any, value: Any, place: int) -> Any:
    if value.type == _WORD:
        return value
    return builder.trunc(builder.lshr(value, ir.Constant(value.type, 64 * place)), _WORD)


def _add_product(builder: Any, total: Any, a: Any, b: list[Any], carry: Any) -> tuple[Any, Any]:
    """total + a·b + carry: as many words as b has, and the word above them."""
    kind = ir.IntType(64 * (len(b) + 1))
    products = [builder.mul(builder.zext(a, _DOUBLE), builder.zext(x, _DOUBLE)) for x in b]
    lows = _join(builder, [_word(builder, p, 0) for p in products], kind)
    highs = _join(builder, [_word(builder, p, 1) for p in products], kind)
    highs = builder.shl(highs, ir.Constant(kind, 64))
    value = builder.add(builder.add(lows, highs), builder.zext(total, kind))
    value = builder.add(value, builder.zext(carry, kind))
    return builder.trunc(value, total.type), _word(builder, value, len(b))


@_intrinsic
def add_row(typing: Any, to: Any, a: Any, b: Any, words: Any) -> Any:  # noqa: ARG001
    """Add a·b, for a word a, to so many words; the word above them."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        to, b = (builder.inttoptr(args[i], _WORD.as_pointer()) for i in (0, 2))
        _, a, _, words = args
        carry: Any = cgutils.alloca_once_value(builder, ir.Constant(_WORD, 0))  # type: ignore[no-untyped-call]
        block = ir.Constant(_WORD, _BLOCK)
        blocks = builder.udiv(words, block)
        done = builder.mul(blocks, block)
        with cgutils.for_range(builder, blocks) as loop:
            _add_words(builder, to, a, b, carry, builder.mul(loop.index, block), _BLOCK)
        with cgutils.for_range(builder, builder.sub(words, done)) as loop:
            _add_words(builder, to, a, b, carry, builder.add(done, loop.index), 1)
        return builder.load(carry)

    word = types.uint64
    return word(word, word, word, types.int64), generate


def _add_words(builder: Any, to: Any, a: Any, b: Any, carry: Any, at: Any, count: int) -> None:
    indices = [builder.add(at, ir.Constant(_WORD, i)) for i in range(count)]
    others = [builder.load(builder.gep(b, [i])) for i in indices]
    total = [builder.load(builder.gep(to, [i])) for i in indices]
    joined = _join(builder, total, ir.IntType(64 * count)) if count > 1 else total[0]
    value, above = _add_product(builder, joined, a, others, builder.load(carry))
    builder.store(above, carry)
    for place, index in enumerate(indices):
        builder.store(_word(builder, value, place), builder.gep(to, [index]))


def _unrolled_step(words: int) -> Callable[..., None]:
    """`step` for one count of words."""

    def define(
        typing: Any,  # noqa: ARG001
        to: Any,  # noqa: ARG001
        a: Any,  # noqa: ARG001
        b: Any,  # noqa: ARG001
        doubling: Any,  # noqa: ARG001
        less: Any,  # noqa: ARG001
        n: Any,  # noqa: ARG001
        inverse: Any,  # noqa: ARG001
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
            to, a, b, doubling, less, n, inverse = args
            first, second, subtrahend, modulus = (
                [
                    builder.load(_place(builder, pointer, ir.Constant(_WORD, i)))
                    for i in range(words)
                ]
                for pointer in (a, b, less, n)
            )
            kind = ir.IntType(64 * (words + 1))
            whole = _join(builder, modulus, kind)
            value = _unrolled_product(builder, first, second, modulus, inverse)
            value = _below(builder, value, whole)
            # A shift by a count that varies would be slow.
            wanted = builder.icmp_unsigned("!=", doubling, ir.Constant(_WORD, 0))
            more = builder.select(wanted, value, ir.Constant(kind, 0))
            value = _below(builder, builder.add(value, more), whole)
            taken = _join(builder, subtrahend, kind)
            difference = builder.sub(value, taken)
            value = _not_negative(builder, difference, builder.add(difference, whole))
            for i in range(words):
                builder.store(_word(builder, value, i), _place(builder, to, ir.Constant(_WORD, i)))
            return context.get_dummy_value()

        return types.void(*[types.uint64] * 7), generate

    return cast("Callable[..., None]", intrinsic(define))


def _unrolled_product(builder: Any, a: list[Any], b: list[Any], n: list[Any], inverse: Any) -> Any:
    """a·b/R modulo n, below 2n, with a word more."""
    words = len(n)
    kind, above = ir.IntType(64 * words), ir.IntType(64 * (words + 1))
    total, top, none = ir.Constant(kind, 0), ir.Constant(_WORD, 0), ir.Constant(_WORD, 0)
    for word in a:
        total, carry = _add_product(builder, total, word, b, none)
        factor = builder.mul(builder.trunc(total, _WORD), inverse)
        total, other = _add_product(builder, total, factor, n, none)
        highest = builder.add(builder.zext(carry, _DOUBLE), builder.zext(other, _DOUBLE))
        highest = builder.add(highest, builder.zext(top, _DOUBLE))
        top = _word(builder, highest, 1)
        highest = builder.zext(_word(builder, highest, 0), kind)
        highest = builder.shl(highest, ir.Constant(kind, 64 * (words - 1)))
        total = builder.or_(builder.lshr(total, ir.Constant(kind, 64)), highest)
    top = builder.shl(builder.zext(top, above), ir.Constant(above, 64 * words))
    return builder.or_(builder.zext(total, above), top)


def _below(builder: Any, value: Any, n: Any) -> Any:
    """A value below 2n modulo n."""
    return _not_negative(builder, builder.sub(value, n), value)


def _not_negative(builder: Any, value: Any, otherwise: Any) -> Any:
    negative = builder.icmp_signed("<", value, ir.Constant(value.type, 0))
    return builder.select(negative, otherwise, value)


_step_2, _step_3, _step_4, _step_5, _step_6, _step_8 = map(_unrolled_step, UNROLLED)


@device
def step(
    to: Pointer,
    a: Pointer,
    b: Pointer,
    doubling: U64,
    less: Pointer,
    n: Pointer,
    inverse: U64,
    space: Pointer,
    words: int,
) -> None:
    """`to` becomes a·b/R, doubled where `doubling` is 1, minus `less`, modulo n.

    All are below n; `inverse` is -1/n modulo 2^64; `space` has room for 2·words.
    """
    if words == 2:
        _step_2(to, a, b, doubling, less, n, inverse)
    elif words == 3:
        _step_3(to, a, b, doubling, less, n, inverse)
    elif words == 4:
        _step_4(to, a, b, doubling, less, n, inverse)
    elif words == 5:
        _step_5(to, a, b, doubling, less, n, inverse)
    elif words == 6:
        _step_6(to, a, b, doubling, less, n, inverse)
    elif words == 8:
        _step_8(to, a, b, doubling, less, n, inverse)
    else:
        _step_by_rows(to, a, b, doubling, less, n, inverse, space, words)


@device
def place(pointer: Pointer, index: int) -> Pointer:
    """A pointer to the word at an index."""
    return pointer + np.uint64(index) * np.uint64(8)


@device
def _step_by_rows(
    to: Pointer,
    a: Pointer,
    b: Pointer,
    doubling: U64,
    less: Pointer,
    n: Pointer,
    inverse: U64,
    space: Pointer,
    words: int,
) -> None:
    for i in range(2 * words):
        put(space, i, ZERO)
    for i in range(words):
        put(space, i + words, add_row(place(space, i), get(a, i), b, words))
    top = ZERO
    for i in range(words):
        carry = add_row(place(space, i), get(space, i) * inverse, n, words)
        value = get(space, i + words)
        total = value + carry
        over = np.uint64(total < carry)
        value = total + top
        top = over + np.uint64(value < total)
        put(space, i + words, value)
    for i in range(words):
        put(to, i, get(space, i + words))
    reduce_once(to, top, n, words)
    if doubling != ZERO:
        double(to, n, words)
    subtract(to, less, n, words)


@device
def is_less(a: Pointer, b: Pointer, words: int) -> bool:
    """Whether a < b."""
    for i in range(words - 1, -1, -1):
        if get(a, i) != get(b, i):
            return bool(get(a, i) < get(b, i))
    return False


@device
def is_equal(a: Pointer, b: Pointer, words: int) -> bool:
    """Whether a = b."""
    rest = ZERO
    for i in range(words):
        rest |= get(a, i) ^ get(b, i)
    return bool(rest == ZERO)


@device
def is_word(a: Pointer, word: U64, words: int) -> bool:
    """Whether a is that number."""
    rest = get(a, 0) ^ word
    for i in range(1, words):
        rest |= get(a, i)
    return bool(rest == ZERO)


@device
def copy(to: Pointer, a: Pointer, words: int) -> None:
    """`to` becomes a."""
    for i in range(words):
        put(to, i, get(a, i))


@device
def minus(to: Pointer, a: Pointer, b: Pointer, words: int) -> U64:
    """`to` becomes a - b modulo R; 1 where that is negative."""
    borrow = ZERO
    for i in range(words):
        x, y = get(a, i), get(b, i)
        difference = x - y
        put(to, i, difference - borrow)
        borrow = np.uint64(x < y) | np.uint64(difference < borrow)
    return borrow


@device
def plus(to: Pointer, a: Pointer, words: int) -> U64:
    """Add a to `to` modulo R; 1 where that is above."""
    carry = ZERO
    for i in range(words):
        x = get(a, i)
        total = get(to, i) + x
        value = total + carry
        put(to, i, value)
        carry = np.uint64(total < x) | np.uint64(value < total)
    return carry


@device
def reduce_once(a: Pointer, top: U64, n: Pointer, words: int) -> None:
    """top·R + a < 2n modulo n."""
    if top != ZERO or not is_less(a, n, words):
        minus(a, a, n, words)


@device
def double(a: Pointer, n: Pointer, words: int) -> None:
    """2a modulo n."""
    top = ZERO
    for i in range(words):
        word = get(a, i)
        put(a, i, word << ONE | top)
        top = word >> np.uint64(63)
    reduce_once(a, top, n, words)


@device
def subtract(a: Pointer, b: Pointer, n: Pointer, words: int) -> None:
    """a - b modulo n."""
    if minus(a, a, b, words) != ZERO:
        plus(a, n, words)


@device
def bit_length(a: Pointer, words: int) -> int:
    """Of a > 0."""
    top = words - 1
    while get(a, top) == ZERO:
        top -= 1
    return (top + 1) * _BITS - int(np.int64(clz64(get(a, top))))


@device
def power_of_2(to: Pointer, exponent: int, n: Pointer, words: int) -> None:
    """2^exponent mod n, for an exponent not much above the bits of n, which doublings make up."""
    bits = bit_length(n, words)
    for i in range(words):
        put(to, i, ZERO)
    first = min(exponent, bits - 1)
    put(to, first // _BITS, ONE << np.uint64(first % _BITS))
    for _ in range(first, exponent):
        double(to, n, words)


@device
def remainder(a: Pointer, divisor: U64, words: int) -> U64:
    """a mod a divisor below 2^32."""
    rest = ZERO
    for i in range(words - 1, -1, -1):
        word = get(a, i)
        rest = (rest << HALF_BITS | word >> HALF_BITS) % divisor
        rest = (rest << HALF_BITS | word & HALF_MASK) % divisor
    return rest


@device
def divide(a: Pointer, top: U64, divisor: U64, words: int) -> None:
    """a becomes ⌊(top·R + a)/divisor⌋ < R, for a divisor from top + 1 to 2^32 - 1."""
    rest = top
    for i in range(words - 1, -1, -1):
        word = get(a, i)
        high = rest << HALF_BITS | word >> HALF_BITS
        low = (high % divisor) << HALF_BITS | word & HALF_MASK
        put(a, i, (high // divisor) << HALF_BITS | low // divisor)
        rest = low % divisor


@device
def get_bit(a: Pointer, bit: int) -> U64:
    """One bit: 0 or 1."""
    return np.uint64((get(a, bit // _BITS) >> np.uint64(bit % _BITS)) & ONE)


@device
def odd_part(a: Pointer, words: int) -> int:
    """a > 0 becomes its odd part; how often 2 divided it."""
    twos = 0
    while get_bit(a, twos) == ZERO:
        twos += 1
    shift_right(a, twos, words)
    return twos


@device
def shift_right(a: Pointer, count: int, words: int) -> None:
    """a becomes ⌊a/2^count⌋."""
    skipped, shift = count // _BITS, np.uint64(count % _BITS)
    for i in range(words):
        low = get(a, i + skipped) if i + skipped < words else ZERO
        high = get(a, i + skipped + 1) if i + skipped + 1 < words else ZERO
        put(a, i, low >> shift | (high << (WORD_BITS - shift) if shift != ZERO else ZERO))
