"""How a command line talks to a running node: JSON lines on a loopback port.

The port and a secret token are in `control.json` in the node's directory, readable by its owner
alone. (A UNIX socket's path may have 107 bytes at most: too few for many a directory.)
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

CONTROL_FILE: Final = "control.json"
LINE_BYTES_MAX: Final = 4096
ANSWER_BYTES_MAX: Final = 1024 * 1024
TIMEOUT_S: Final = 10.0

Verb = Literal["status", "pause", "resume", "stop"]


class ControlError(Exception):
    """The node cannot be asked; the message says why."""


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One request."""

    token: str
    command: Verb
    reason: str = "its owner asked for it"
    """For `pause`: shown while it lasts."""


class _Address(msgspec.Struct, frozen=True):
    port: int
    token: str
    pid: int


Handler = Callable[[Command], Awaitable[dict[str, Any]]]


@contextlib.asynccontextmanager
async def serve(directory: Path, handler: Handler) -> AsyncIterator[None]:
    """Answer commands while the context lasts. One command for each connection."""
    token = secrets.token_hex(32)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await _answer(await reader.readuntil(), token, handler)
                writer.write(msgspec.json.encode(answer) + b"\n")
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # Whoever asked is gone, or never was one of ours.
        finally:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0, limit=LINE_BYTES_MAX)
    port = server.sockets[0].getsockname()[1]
    path = directory / CONTROL_FILE
    _write_private(path, msgspec.json.encode(_Address(port, token, os.getpid())))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        server.close()


async def _answer(line: bytes, token: str, handler: Handler) -> dict[str, Any]:
    try:
        command = msgspec.json.decode(line, type=Command)
    except (msgspec.MsgspecError, UnicodeError) as error:
        return {"error": f"not a command: {error}"}
    if not hmac.compare_digest(command.token.encode(), token.encode()):
        return {"error": f"the token is not the one in {CONTROL_FILE}"}
    return await handler(command)


def _write_private(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    temporary.replace(path)


def request(directory: Path, command: Verb, *, reason: str | None = None) -> dict[str, Any]:
    """Ask the node that runs in `directory`. Blocking. Raises `ControlError`."""
    try:
        address = msgspec.json.decode((directory / CONTROL_FILE).read_bytes(), type=_Address)
    except FileNotFoundError as error:
        raise ControlError(f"no node is running in {directory}") from error
    except msgspec.MsgspecError as error:
        raise ControlError(f"{directory / CONTROL_FILE} is damaged: {error}") from error
    message = Command(address.token, command)
    if reason is not None:
        message = msgspec.structs.replace(message, reason=reason)
    try:
        with socket.create_connection(("127.0.0.1", address.port), TIMEOUT_S) as connection:
            connection.sendall(msgspec.json.encode(message) + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline(ANSWER_BYTES_MAX)
    except OSError as error:
        raise ControlError(f"the node in {directory} does not answer: {error}") from error
    answer = msgspec.json.decode(line, type=dict[str, Any]) if line else {"error": "no answer"}
    if "error" in answer:
        raise ControlError(answer["error"])
    return answer
