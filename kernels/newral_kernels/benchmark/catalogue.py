"""Everything that can be measured, by the name of its function or kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from newral_kernels.benchmark.kernel_rows import RUNS, kernel_rows
from newral_kernels.benchmark.peers.peer import Peer
from newral_kernels.benchmark.primality_rows import OURS, primality_rows
from newral_kernels.benchmark.rows import Effort, Row
from newral_kernels.errors import KernelError


class UnknownFunctionError(KernelError, LookupError):
    """Nothing that is measured has that name."""


def names() -> tuple[str, ...]:
    """Of functions, then of kernels."""
    return (*OURS, *RUNS)


def rows(functions: Iterable[str], peers: Iterable[Peer], effort: Effort) -> Iterator[Row]:
    """The rows of those functions, measured as they are asked for.

    Raises `UnknownFunctionError`, before anything is measured, and `DisagreementError`.
    """
    chosen = list(functions)
    for name in chosen:
        if name not in names():
            raise UnknownFunctionError(
                f"nothing is measured under the name {name[:60]!r}; there are {', '.join(names())}"
            )
    return _rows(chosen, list(peers), effort)


def _rows(functions: list[str], peers: list[Peer], effort: Effort) -> Iterator[Row]:
    for name in functions:
        yield from (
            primality_rows(name, peers, effort) if name in OURS else kernel_rows(name, effort)
        )
