"""Supervised processes: real ones, killed for real."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from websockets.asyncio.client import connect

from newral.market.children import Child, ChildFailed, child_environment
from newral.market.directory import DirectoryInUse, MarketDirectory
from newral.market.log_file import LogFile


def relay_arguments(directory: Path) -> Callable[[Mapping[str, Any] | None], list[str]]:
    def arguments(last: Mapping[str, Any] | None) -> list[str]:
        port = 0 if last is None else urlsplit(last["url"]).port
        return ["relay", "serve", "--json", f"--directory={directory / 'r'}", f"--port={port}"]

    return arguments


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Child]:
    child = Child(
        "relay", relay_arguments(tmp_path), tmp_path / "logs" / "relay.log", directory=tmp_path
    )
    yield child
    await child.stop()


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


async def test_a_killed_child_comes_back_at_the_same_address(relay: Child) -> None:
    url = (await relay.start())["url"]
    first = relay.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: relay.restarts == 1 and relay.pid not in (None, first))
    async with asyncio.timeout(20):
        while True:
            try:
                async with connect(url):
                    break
            except OSError:
                await asyncio.sleep(0.05)


async def test_a_stopped_child_is_gone(relay: Child) -> None:
    await relay.start()
    pid = relay.pid
    await relay.stop()
    assert relay.pid is None
    assert pid is not None
    assert not psutil.pid_exists(pid)


async def test_a_child_that_cannot_start_tells_why(relay: Child, tmp_path: Path) -> None:
    url = (await relay.start())["url"]
    taken = Child(
        "second", relay_arguments(tmp_path / "other"), tmp_path / "second.log", directory=tmp_path
    )
    with pytest.raises(ChildFailed, match="taken by another program"):
        await taken.start({"url": url})
    await taken.stop()


async def test_no_orphan_survives_a_killed_supervisor(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from newral.market.children import Child\n"
        "async def main():\n"
        "    d = Path(sys.argv[1])\n"
        "    arguments = ['relay', 'serve', '--json', '--port=0', f'--directory={d}']\n"
        "    child = Child('relay', lambda last: arguments, d / 'log', directory=d)\n"
        "    await child.start()\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    pid = int(await owner.stdout.readline())
    owner.kill()
    await owner.wait()
    await until(lambda: not psutil.pid_exists(pid))


def test_a_child_inherits_no_settings() -> None:
    environment = child_environment({"NEWRAL_RELAYS": "ws://elsewhere", "PATH": "/bin"})
    assert environment["PATH"] == "/bin"
    assert "NEWRAL_RELAYS" not in environment
    assert environment["NEWRAL_CONFIG"] == ""


def test_a_market_folder_is_used_once_at_a_time(tmp_path: Path) -> None:
    with MarketDirectory(tmp_path) as held:
        held.remember({"relay": {"url": "ws://127.0.0.1:1"}})
        with pytest.raises(DirectoryInUse, match="already"):
            MarketDirectory(tmp_path)
    with MarketDirectory(tmp_path) as again:
        assert again.remembered() == {"relay": {"url": "ws://127.0.0.1:1"}}


def test_a_market_keeps_its_keys(tmp_path: Path) -> None:
    with MarketDirectory(tmp_path) as market:
        key = market.key("coordinator").public_key
    with MarketDirectory(tmp_path) as market:
        assert market.key("coordinator").public_key == key
        assert market.key_file("coordinator").stat().st_mode & 0o777 == 0o600


def test_a_log_is_bounded_and_keeps_the_end(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", size_max=1000)
    for number in range(500):
        log.write(f"line {number}\n".encode())
    assert log.tail().endswith("line 499")
    log.close()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 2000
