"""What device code is compiled with, and the one instruction that Python has no operator for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar, cast

import numpy as np
from numba import cuda
from numba.core import config

P = ParamSpec("P")
R = TypeVar("R")

U64: TypeAlias = np.uint64

Flag: TypeAlias = Any
"""A truth value: numba's when compiled, Python's or numpy's when simulated."""

_cuda: Final[Any] = cuda

SIMULATED = bool(config.ENABLE_CUDASIM)  # type: ignore[attr-defined]  # set when it is loaded
"""Whether Python interprets the code, a thread for each of the GPU's."""


def device(function: Callable[P, R]) -> Callable[P, R]:
    """A function for use inside device code only."""
    return cast("Callable[P, R]", _cuda.jit(device=True)(function))


if SIMULATED:

    @device
    def umulh(a: U64, b: U64) -> U64:
        """⌊a·b / 2^64⌋."""
        return np.uint64(int(a) * int(b) >> 64)

else:
    from numba.cuda import libdevice

    _umul64hi: Final[Any] = libdevice.umul64hi

    @device
    def umulh(a: U64, b: U64) -> U64:
        """⌊a·b / 2^64⌋. numba knows the function's bits, and takes them for signed."""
        return np.uint64(_umul64hi(np.int64(a), np.int64(b)))
