"""The control port: for whoever may read the node's directory, and nobody else."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from newral_node import control

Asked = list[control.Command]


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    commands: Asked = []

    async def handle(command: control.Command) -> dict[str, Any]:
        commands.append(command)
        return {"done": command.command}

    async with control.serve(tmp_path, handle):
        yield commands


def raw(directory: Path, line: bytes) -> dict[str, Any]:
    port = json.loads((directory / control.CONTROL_FILE).read_bytes())["port"]
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(line)
        with connection.makefile("rb") as stream:
            answer: dict[str, Any] = json.loads(stream.readline() or b"{}")
    return answer


async def test_a_command_reaches_the_node(tmp_path: Path, asked: Asked) -> None:
    answer = await asyncio.to_thread(control.request, tmp_path, "pause", reason="a film")
    assert answer == {"done": "pause"}
    assert (asked[0].command, asked[0].reason) == ("pause", "a film")


async def test_the_token_is_for_the_owner_alone(tmp_path: Path, asked: Asked) -> None:
    mode = (tmp_path / control.CONTROL_FILE).stat().st_mode
    assert mode & 0o777 == 0o600


async def test_nobody_acts_without_the_token(tmp_path: Path, asked: Asked) -> None:
    line = b'{"token": "00", "command": "stop"}\n'
    assert "token" in (await asyncio.to_thread(raw, tmp_path, line))["error"]
    assert asked == []


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b"\xff\n", b'{"token": "0", "command": "x"}\n'])
async def test_what_is_no_command_is_refused(tmp_path: Path, asked: Asked, line: bytes) -> None:
    assert "not a command" in (await asyncio.to_thread(raw, tmp_path, line))["error"]
    assert asked == []


async def test_an_endless_line_is_cut_off(tmp_path: Path, asked: Asked) -> None:
    try:
        answer = await asyncio.to_thread(raw, tmp_path, b"x" * 100_000)
    except ConnectionError:
        answer = {}
    assert answer == {}
    assert asked == []


def test_without_a_node_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(control.ControlError, match="no node is running"):
        control.request(tmp_path, "status")


def test_what_a_killed_node_left_behind_is_no_riddle(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    address = {"port": port, "token": "00", "pid": 1}
    (tmp_path / control.CONTROL_FILE).write_text(json.dumps(address))
    with pytest.raises(control.ControlError, match="does not answer"):
        control.request(tmp_path, "status")
