"""Calling a C function on each of many numbers from compiled code, at the price of a C loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from newral_kernels.jit import compiled


def _intrinsic(define: Callable[..., Any]) -> Callable[..., int]:
    return cast("Callable[..., int]", intrinsic(define))


def _call(builder: Any, address: Any, arguments: list[Any]) -> Any:
    function = ir.FunctionType(ir.IntType(32), [ir.IntType(64)] * len(arguments))
    return builder.call(builder.inttoptr(address, function.as_pointer()), arguments)


@_intrinsic
def _call_1(typing: Any, address: Any, first: Any) -> Any:  # noqa: ARG001 - numba's protocol
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _call(builder, args[0], [args[1]])

    return types.int32(types.uint64, types.uint64), generate


@_intrinsic
def _call_2(typing: Any, address: Any, first: Any, second: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _call(builder, args[0], [args[1], args[2]])

    return types.int32(types.uint64, types.uint64, types.uint64), generate


@compiled("void(uint64, uint64[::1], boolean[::1])")
def call_each(function: int, numbers: NDArray[np.uint64], answers: NDArray[np.bool_]) -> None:
    """Whether the `int f(word)` at that address returns other than 0, of each word."""
    for i in range(numbers.size):
        answers[i] = _call_1(function, numbers[i]) != 0


@compiled("void(uint64, uint64[::1], uint64, boolean[::1])")
def call_each_with(
    function: int, numbers: NDArray[np.uint64], second: int, answers: NDArray[np.bool_]
) -> None:
    """The same with an `int f(word, word)` whose second argument is always the same."""
    for i in range(numbers.size):
        answers[i] = _call_2(function, numbers[i], second) != 0
