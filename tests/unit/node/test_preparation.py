"""Compiling before work: in another process, at the lowest priority, and each kernel for itself."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from newral_kernels import registry
from newral_node import preparation
from newral_node.agent import kernel_offers
from newral_node.preparation import Readiness
from newral_spec.messages import KernelOffer

FINE = KernelOffer("fine", "1", "0a" * 32)
BROKEN = KernelOffer("broken", "1", "0b" * 32)
UNHEARD = KernelOffer("unheard", "1", "0c" * 32)


@pytest.mark.timeout(300)
async def test_all_kernels_are_prepared(tmp_path: Path) -> None:
    for kernel in registry.kernels():  # what is slow is done here, where nothing has to give way
        kernel.prepare()
    offers = kernel_offers()
    assert await preparation.prepare(offers, tmp_path) == offers


def test_a_kernel_that_fails_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("no compiler")

    kernels = (
        SimpleNamespace(name="broken", prepare=fail),
        SimpleNamespace(name="fine", prepare=lambda: None),
    )
    monkeypatch.setattr(registry, "kernels", lambda: kernels)
    assert list(preparation._prepared()) == [
        Readiness("broken", "RuntimeError: no compiler"),
        Readiness("fine", None),
    ]


async def test_what_cannot_compute_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def said(_: Path) -> dict[str, str | None]:
        return {"broken": "RuntimeError: no compiler", "fine": None}

    monkeypatch.setattr(preparation, "_in_a_process", said)
    with caplog.at_level(logging.ERROR):
        ready = await preparation.prepare((BROKEN, FINE, UNHEARD), tmp_path)
    assert ready == (FINE,)
    assert "kernel broken is not offered: RuntimeError: no compiler" in caplog.text
    assert "kernel unheard is not offered" in caplog.text


async def test_a_preparation_that_is_cancelled_leaves_no_process(tmp_path: Path) -> None:
    us = psutil.Process()
    before = set(us.children())  # other tests' servers
    task = asyncio.create_task(preparation.prepare((FINE,), tmp_path))
    while not (children := set(us.children()) - before):  # noqa: ASYNC110 - a process tells nobody
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not any(child.is_running() for child in children)


def test_it_gives_way_to_the_owners_work() -> None:
    code = (
        "import os, sys; sys.argv[1:] = [str(os.getppid())];"
        "from newral_node import preparation;"
        "preparation._prepared = lambda: (print('a kernel prints') or iter(()));"
        "preparation.main(); print('lost'); sys.stderr.write(str(os.nice(0)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,  # or else the session of these tests would give way, too
    )
    assert (done.stdout, done.stderr) == ("", "19")
