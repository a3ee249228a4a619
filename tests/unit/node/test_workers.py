"""Worker processes: limits, priority, crashes, and the same result after an interruption."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psutil
import pytest
from newral_testing.work_giver import bpsw_unit

from newral_kernels import registry
from newral_node import events as ev
from newral_node import wire, workers
from newral_node.workers import WorkerPool
from newral_spec.canonical import canonical_json

LEASE = "0a" * 32
SHORT = 300_000  # microseconds of work
LONG = 3_000_000
ENDLESS = 100_000_000
MIB = 2**20

_T = TypeVar("_T", bound=ev.NodeEvent)


class Listener:
    """A pool, and what it says."""

    def __init__(self, scratch: Path, idle_s: float) -> None:
        self.events: list[ev.NodeEvent] = []
        self._changed = asyncio.Event()
        self.pool = WorkerPool(scratch, self._hear, idle_s=idle_s)

    async def _hear(self, event: ev.NodeEvent) -> None:
        self.events.append(event)
        self._changed.set()

    async def first(self, kind: type[_T]) -> _T:
        async with asyncio.timeout(60):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                    assert not isinstance(event, ev.UnitFailed), event.reason
                self._changed.clear()
                await self._changed.wait()

    async def start(self, unit: dict[str, Any], time_limit_s: float = 60, **more: Any) -> None:
        await self.pool.start(work(unit, **more), time_limit_s)

    @property
    def process(self) -> psutil.Process:
        (pid,) = self.pool.processes
        return psutil.Process(pid)


def work(unit: dict[str, Any], kernel: str = "bpsw", **changes: Any) -> wire.Work:
    implementation = registry.get(kernel)
    fields: dict[str, Any] = {
        "lease": LEASE,
        "kernel": kernel,
        "version": implementation.version,
        "identity": registry.identity(implementation),
        "memory_bytes": 256 * MIB,
        "spec": msgspec.Raw(msgspec.json.encode(unit)),
        **changes,
    }
    return wire.Work(**fields)


def expected(width: int) -> bytes:
    result = registry.get("bpsw").run(
        bpsw_unit(width), progress=lambda _: None, checkpoint=lambda _: None
    )
    return canonical_json(result)


@pytest.fixture
async def listener(tmp_path: Path) -> AsyncIterator[Listener]:
    running = Listener(tmp_path, idle_s=30)
    yield running
    await running.pool.close()


async def test_one_process_computes_one_unit_after_the_other(listener: Listener) -> None:
    pids = set()
    for _ in range(2):
        listener.events.clear()
        await listener.start(bpsw_unit(SHORT))
        pids.update(listener.pool.processes)
        assert (await listener.first(ev.UnitFinished)).result == expected(SHORT)
    assert len(pids) == 1


async def test_a_suspended_unit_ends_with_the_same_result(listener: Listener) -> None:
    await listener.start(bpsw_unit(LONG))
    await listener.first(ev.UnitProgress)
    listener.pool.suspend(LEASE)
    await listener.first(ev.UnitSuspended)
    state = (await listener.first(ev.UnitCheckpointed)).state
    assert json.loads(state)
    await listener.start(bpsw_unit(LONG), checkpoint=msgspec.Raw(state))
    assert (await listener.first(ev.UnitFinished)).result == expected(LONG)


async def test_a_damaged_checkpoint_costs_time_only(listener: Listener) -> None:
    await listener.start(bpsw_unit(SHORT), checkpoint=msgspec.Raw(b'{"blocks": "?"}'))
    assert (await listener.first(ev.UnitFinished)).result == expected(SHORT)


async def test_a_unit_that_takes_too_long_has_failed(listener: Listener) -> None:
    await listener.start(bpsw_unit(ENDLESS), time_limit_s=1)
    failed = await listener.first(ev.UnitFailed)
    assert failed.reason == "it took longer than 1 s"


async def test_a_unit_that_takes_too_much_memory_has_failed(listener: Listener) -> None:
    merge = {"bound": "1000", "items": [{"n": "561", "factors": [3, 11, 17]}] * 100_000}
    await listener.start(merge, kernel="carmichael-merge", memory_bytes=1 * MIB)
    failed = await listener.first(ev.UnitFailed)
    assert "more than the 1048576 bytes of memory" in failed.reason


async def test_an_error_of_the_kernel_fails_its_unit_only(listener: Listener) -> None:
    await listener.start({"start": "not a number"})
    assert "UnitError" in (await listener.first(ev.UnitFailed)).reason


async def test_a_kernel_that_changed_on_disk_is_not_run(listener: Listener) -> None:
    await listener.start(bpsw_unit(SHORT), identity="00" * 32)
    assert "identity" in (await listener.first(ev.UnitFailed)).reason


async def test_a_crash_is_reported_with_its_signal(listener: Listener) -> None:
    await listener.start(bpsw_unit(ENDLESS))
    await listener.first(ev.UnitProgress)
    listener.process.send_signal(signal.SIGSEGV)
    assert (await listener.first(ev.WorkerDied)).reason == "signal SIGSEGV"


async def test_nothing_is_said_about_a_unit_that_was_killed(listener: Listener) -> None:
    await listener.start(bpsw_unit(ENDLESS))
    await listener.first(ev.UnitProgress)
    listener.events.clear()
    process = listener.process
    listener.pool.kill(LEASE)
    await asyncio.to_thread(process.wait, 10)
    await listener.start(bpsw_unit(SHORT), lease="0b" * 32)
    await listener.first(ev.UnitFinished)
    assert all(getattr(event, "lease", "") == "0b" * 32 for event in listener.events)


def autogroup_niceness(pid: int) -> int | None:
    """None where the kernel groups no sessions."""
    try:
        return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])
    except FileNotFoundError:
        return None


def core_limit(pid: int) -> str:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith("Max core file size")).split()[4]


async def test_workers_run_apart_from_the_owners_work(listener: Listener) -> None:
    await listener.start(bpsw_unit(ENDLESS))
    await listener.first(ev.UnitProgress)
    process = listener.process
    assert process.nice() == 19
    assert os.getsid(process.pid) == process.pid  # Ctrl-C at the terminal does not reach it.
    assert await asyncio.to_thread(autogroup_niceness, process.pid) in (None, 19)
    assert await asyncio.to_thread(core_limit, process.pid) == "0"
    # Python itself sets LC_CTYPE where there is no locale.
    assert set(process.environ()) <= {"LC_CTYPE"}
    assert Path(process.cwd()) == listener.pool._scratch


async def test_a_worker_without_work_ends(tmp_path: Path) -> None:
    impatient = Listener(tmp_path, idle_s=0.1)
    await impatient.start(bpsw_unit(SHORT))
    await impatient.first(ev.UnitFinished)
    async with asyncio.timeout(30):
        while impatient.pool.processes:  # noqa: ASYNC110 - the pool tells nobody
            await asyncio.sleep(0.05)


def test_a_worker_dies_with_its_node(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from newral_node import wire\n"
        "from newral_node.workers import WorkerPool\n"
        "import msgspec\n"
        "async def main():\n"
        "    async def emit(event): print(*pool.processes, flush=True)\n"
        "    pool = WorkerPool(Path(sys.argv[1]), emit)\n"
        "    await pool.start(msgspec.json.decode(sys.argv[2], type=wire.Work), 600)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    arguments = [
        sys.executable,
        "-c",
        script,
        tmp_path,
        msgspec.json.encode(work(bpsw_unit(ENDLESS))),
    ]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        worker = psutil.Process(int(node.stdout.readline()))
        node.kill()
    worker.wait(10)


Spawn = Callable[[Path], Awaitable[asyncio.subprocess.Process]]


def impostor(script: str) -> Spawn:
    """A worker that says what it wants."""

    async def spawn(_scratch: Path) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            f"import sys\nsys.stdin.readline()\n{script}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=wire.REPLY_LINE_BYTES_MAX,
        )

    return spawn


async def test_garbage_from_a_worker_is_ignored(
    monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    lines = (
        b"\xff\xfe",
        b"{}",
        b"[]",
        b'{"type": "finished"}',
        b"[" * 100_000,
        msgspec.json.encode(wire.Progress("0c" * 32, 1.0)),
        msgspec.json.encode(wire.Progress(LEASE, 0.5)),
    )
    script = f"for line in {lines!r}: sys.stdout.buffer.write(line + b'\\n')"
    monkeypatch.setattr(workers, "_spawn", impostor(script))
    await listener.start(bpsw_unit(SHORT))
    await listener.first(ev.WorkerDied)
    assert listener.events == [
        ev.UnitProgress(LEASE, 0.5),
        ev.WorkerDied(LEASE, "exit code 0"),
    ]


async def test_a_result_without_a_canonical_form_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    said = wire.Finished(LEASE, msgspec.Raw(b'{"n":1.5}'), cpu_ms=0, wall_ms=0)
    line = msgspec.json.encode(said) + b"\n"
    monkeypatch.setattr(workers, "_spawn", impostor(f"sys.stdout.buffer.write({line!r})"))
    await listener.start(bpsw_unit(SHORT))
    assert "float" in (await listener.first(ev.UnitFailed)).reason


async def test_an_endless_line_ends_the_worker(
    monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    monkeypatch.setattr(wire, "REPLY_LINE_BYTES_MAX", 100_000)
    script = "while True: sys.stdout.write('x' * 10000)"
    monkeypatch.setattr(workers, "_spawn", impostor(script))
    await listener.start(bpsw_unit(SHORT))
    assert "more than 100000 bytes" in (await listener.first(ev.UnitFailed)).reason
