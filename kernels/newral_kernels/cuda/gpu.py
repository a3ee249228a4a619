"""Whether a GPU can be used, and what is missing if not."""

from __future__ import annotations

import functools
from typing import Any

from newral_kernels.errors import KernelError


class GpuUnavailableError(KernelError, RuntimeError):
    """The message says what is missing."""


@functools.cache
def missing() -> str | None:
    """What keeps this machine from running anything on a GPU; None if nothing does.

    Numba's simulator (NUMBA_ENABLE_CUDASIM=1) counts as a GPU.
    """
    try:
        import numba.cuda
    except Exception as error:  # numba-cuda raises whatever its bindings do
        return (
            f"numba's CUDA support does not load ({_first_line(error)});"
            " install it with:  pip install 'newral[cuda]'"
        )
    cuda: Any = numba.cuda
    if cuda.is_available():
        return None
    return (
        "there is no NVIDIA GPU with a driver, or no CUDA compiler"
        f" ({_first_line(cuda.cuda_error() or 'the driver loads')});"
        " the compiler comes with:  pip install 'newral[cuda]'"
    )


def require() -> None:
    """Raises `GpuUnavailableError` unless a GPU can be used."""
    lack = missing()
    if lack is not None:
        raise GpuUnavailableError(lack)


def _first_line(text: object) -> str:
    lines = str(text).strip().splitlines()
    return lines[0] if lines else type(text).__name__
