"""Kernels that keep the numbers passing a test, and the launching of one after another.

Between two tests the survivors are compacted, so that no thread waits beside a number that is
already known to be composite.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numba.cuda
import numpy as np
from numpy.typing import NDArray

from newral_kernels.cuda.target import SIMULATED, U64

cuda: Any = numba.cuda

THREADS: Final = 8 if SIMULATED else 128
"""Of a block. The simulator starts one of the system's for each."""

NUMBERS_MAX: Final = 1 << 22
"""That are on the GPU at a time: 130 MB with two words and two positions for each."""


def keeping(load: Any, test: Any) -> Any:
    """A kernel that writes the positions of the numbers which pass, in any order."""

    @cuda.jit  # type: ignore[untyped-decorator]
    def kernel(ns: Any, index: Any, size: int, kept: Any, count: Any) -> None:
        thread = cuda.grid(1)
        if thread < size:
            position = index[thread]
            if test(load(ns, position)):
                kept[cuda.atomic.add(count, 0, 1)] = position

    return kernel


def passing(kernels: Sequence[Any], ns: NDArray[U64]) -> NDArray[np.int64]:
    """The positions, in order, of those columns of `ns` that pass every kernel's test."""
    parts = [
        start + _passing(kernels, ns[:, start : start + NUMBERS_MAX])
        for start in range(0, ns.shape[1], NUMBERS_MAX)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _passing(kernels: Sequence[Any], ns: NDArray[U64]) -> NDArray[np.int64]:
    size = ns.shape[1]
    numbers = cuda.to_device(np.ascontiguousarray(ns))
    index = cuda.to_device(np.arange(size))
    for kernel in kernels:
        kept = cuda.device_array(size, np.int64)
        count = cuda.to_device(np.zeros(1, np.int64))
        with _quietly():
            kernel[-(-size // THREADS), THREADS](numbers, index, size, kept, count)
        size, index = int(count.copy_to_host()[0]), kept
        if size == 0:
            break
    return np.sort(index.copy_to_host()[:size])


@contextmanager
def _quietly() -> Iterator[None]:
    """Without two warnings about what is meant to be so."""
    with warnings.catch_warnings():
        # Words wrap on a GPU; numpy's, by which they are simulated, warn of it.
        warnings.filterwarnings("ignore", "overflow encountered", RuntimeWarning)
        # The survivors of a small batch do not fill a GPU.
        warnings.filterwarnings("ignore", ".*Grid size .* under-utilization")
        yield
