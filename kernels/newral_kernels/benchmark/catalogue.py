"""Everything that can be measured, by the name of its function or kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from newral_kernels.benchmark import gpu_rows
from newral_kernels.benchmark.kernel_rows import RUNS, kernel_rows
from newral_kernels.benchmark.peers.peer import Peer
from newral_kernels.benchmark.primality_rows import OURS, primality_rows
from newral_kernels.benchmark.rows import Effort, Row
from newral_kernels.cuda import gpu
from newral_kernels.errors import KernelError


class UnknownFunctionError(KernelError, LookupError):
    """Nothing that is measured has that name."""


def names() -> tuple[str, ...]:
    """Of functions, of the same on a GPU where there is one, and of kernels."""
    return (*OURS, *gpu_rows.available(), *RUNS)


def rows(functions: Iterable[str], peers: Iterable[Peer], effort: Effort) -> Iterator[Row]:
    """The rows of those functions, measured as they are asked for.

    Raises `UnknownFunctionError` before anything is measured, and `GpuUnavailableError` for a test
    on a GPU that is not there; `DisagreementError` when implementations contradict each other.
    """
    chosen, known = list(functions), (*OURS, *gpu_rows.FUNCTIONS, *RUNS)
    for name in chosen:
        if name not in known:
            raise UnknownFunctionError(
                f"nothing is measured under the name {name[:60]!r}; there are {', '.join(known)}"
            )
        if name in gpu_rows.FUNCTIONS:
            gpu.require()
    return _rows(chosen, list(peers), effort)


def _rows(functions: list[str], peers: list[Peer], effort: Effort) -> Iterator[Row]:
    for name in functions:
        if name in OURS:
            yield from primality_rows(name, peers, effort)
        elif name in gpu_rows.FUNCTIONS:
            yield from gpu_rows.gpu_rows(name, effort)
        else:
            yield from kernel_rows(name, effort)
