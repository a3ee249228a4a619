"""Helpers of compiled code that only look at the arrays that they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def borrowing(function: Callable[P, R]) -> Callable[P, R]:
    """Like `jit.device`, for a function that allocates nothing.

    It counts no references to arrays, nor to parts of them: where helpers are short and take many,
    counting costs more than what they do.
    """
    njit: Any = numba.njit  # whose types lack the option
    return cast("Callable[P, R]", njit(nogil=True, error_model="numpy", _nrt=False)(function))
