"""Compiling the kernels for this processor, once, before the node asks for work.

Run as `python -I -m newral_node.preparation PARENT_PID`, at the lowest priority: prints a
`Readiness` line for each kernel. What is compiled is kept on disk, so that the workers, and the
next start, only load it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from newral_node import confinement
from newral_spec.messages import KernelOffer

LINE_BYTES_MAX: Final = 64 * 1024
REASON_CHARS_MAX: Final = 500

_log = logging.getLogger(__name__)


class Readiness(msgspec.Struct, frozen=True):
    """Whether a kernel can compute: `failure` is why not, where it cannot."""

    kernel: str
    failure: str | None = None


async def prepare(offers: tuple[KernelOffer, ...], scratch: Path) -> tuple[KernelOffer, ...]:
    """Those of the kernels that can compute here; logs what is wrong with the others."""
    said = await _in_a_process(scratch)
    for offer in offers:
        failure = said.get(offer.name, "the process that prepares it ended before it")
        if failure is not None:
            _log.error("kernel %s is not offered: %s", offer.name, failure)
    return tuple(offer for offer in offers if said.get(offer.name, "") is None)


async def _in_a_process(scratch: Path) -> dict[str, str | None]:
    """What the process says of each kernel."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "newral_node.preparation",
        str(os.getpid()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        cwd=scratch,
        env={},
        start_new_session=True,
        limit=LINE_BYTES_MAX,
    )
    assert process.stdout is not None
    said: dict[str, str | None] = {}
    try:
        async for line in process.stdout:
            readiness = msgspec.json.decode(line, type=Readiness)
            said[readiness.kernel] = readiness.failure
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said


def _prepared() -> Iterator[Readiness]:
    from newral_kernels import registry

    for kernel in registry.kernels():
        try:
            kernel.prepare()
        except Exception as error:  # Whatever a kernel raises concerns that kernel only.
            reason = f"{type(error).__name__}: {error}"
            yield Readiness(kernel.name, reason[:REASON_CHARS_MAX])
        else:
            yield Readiness(kernel.name)


def main() -> None:
    """Take the output away from whatever a kernel may print, and prepare."""
    confinement.bind_to_parent(int(sys.argv[1]))
    confinement.give_way()
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    for readiness in _prepared():
        answers.write(msgspec.json.encode(readiness) + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
