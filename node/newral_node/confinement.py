"""How a worker process ties its own hands: priority, limits, and its life bound to the node's.

Linux enforces all of it. Elsewhere the calls that the platform lacks are left out; the time limit
is the node's to enforce everywhere.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Final

NICE: Final = 19
OPEN_FILES_MAX: Final = 64
_PR_SET_PDEATHSIG: Final = 1


def give_way() -> None:
    """Run only when nobody else wants the processor."""
    os.nice(NICE)
    if sys.platform == "linux":
        # With autogroup scheduling, nice counts only within a session, and a worker has its own:
        # the session itself must be nice. Kernels without autogroups have no such file.
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE))


def bind_to_parent(parent: int) -> None:
    """Die when process `parent`, the node, dies; exit at once if it is dead already."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit("the node ended before its worker started")


def limit_process() -> None:
    """No core dumps, which would hold other people's data, and few files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES_MAX, OPEN_FILES_MAX))


def lift_memory_limit() -> None:
    """Undo `limit_memory`, for what is not a unit's work."""
    if sys.platform == "linux":
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def limit_memory(unit_bytes: int) -> None:
    """Let the unit take `unit_bytes` beyond what the process has mapped now."""
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        mapped = pages * os.sysconf("SC_PAGE_SIZE")
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (mapped + unit_bytes, hard))
