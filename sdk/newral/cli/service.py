"""What long-running commands share: logs, a graceful stop, a life tied to the supervisor."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from newral.cli.console import print_json, print_line
from newral.configuration import SUPERVISED_VARIABLE
from newral.errors import NewralError, first_error

Ready = Callable[[Mapping[str, Any]], None]
Service = Callable[[Ready, asyncio.Event], Awaitable[None]]


def run_service(
    service: Service, *, json: bool, expected: tuple[type[Exception], ...] = ()
) -> None:
    """Run until SIGINT or SIGTERM sets the event; a second signal does not wait any longer.

    The service calls `ready` once it serves, with what a user or a supervisor must know. Errors
    of the types `expected` are told in one line. Raises `NewralError`.
    """
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("websockets").setLevel(logging.WARNING)  # a line for every connection
    if os.environ.get(SUPERVISED_VARIABLE):
        _end_with_supervisor()
    try:
        asyncio.run(_run(service, json=json))
    except Exception as error:
        cause = first_error(error)
        if isinstance(cause, (*expected, NewralError)):
            raise NewralError(str(cause)) from error
        if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
            raise NewralError(f"the address is taken by another program: {cause}") from error
        raise


async def _run(service: Service, *, json: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    task = asyncio.ensure_future(service(_announcer(json=json), stop))

    def on_signal() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, on_signal)
    try:
        await task
    except asyncio.CancelledError:
        if not stop.is_set():
            raise


def _announcer(*, json: bool) -> Ready:
    def ready(message: Mapping[str, Any]) -> None:
        if json:
            print_json({**message, "event": "ready"})
            return
        for name, value in message.items():
            if name != "event":
                print_line(f"{name:<12} {value}")

    return ready


def _end_with_supervisor() -> None:
    """Stop gracefully when stdin ends: the supervisor is gone, whatever killed it.

    Unlike Linux's parent-death signal this works everywhere and holds from the first moment.
    """

    def wait_for_end() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_end, name="supervisor", daemon=True).start()
