"""Jobs on the terminal: connecting, following, printing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from newral.cli.console import note, print_json, print_line, print_table, printable
from newral.cli.network_options import require_relays
from newral.cli.values import credits_text, print_value
from newral.errors import ConfigurationError, JobFailed, JobRefused, JobTimeout

if TYPE_CHECKING:
    from newral.client import Client
    from newral.jobs import Job, JobView, Output
    from newral_spec.keys import SecretKey
    from newral_spec.messages import Feedback

Printer = Callable[["Feedback"], None]


def with_client(
    act: Callable[[Client], Awaitable[None]],
    relays: list[str] | None,
    coordinator: str | None,
    secret: SecretKey | None,
) -> None:
    """Run `act` with a connected client. Raises `ConfigurationError` on malformed arguments."""
    from newral.client import Client
    from newral_spec.messages import InvalidMessage
    from newral_spec.nips.nip19 import Nip19Error
    from newral_spec.transport.relay_url import InvalidRelayUrl

    urls = require_relays(relays)

    async def run() -> None:
        async with Client(relays=urls, secret=secret, coordinator=coordinator) as client:
            await act(client)

    try:
        asyncio.run(run())
    except (InvalidMessage, InvalidRelayUrl, Nip19Error) as error:
        raise ConfigurationError(str(error)) from error


def parse_job_id(text: str) -> str:
    """A job's id in hexadecimal, from hexadecimal or `note1…`. Raises `ConfigurationError`."""
    from newral_spec.keys import is_hex32
    from newral_spec.nips.nip19 import Nip19Error, decode_note

    try:
        job = decode_note(text) if text.startswith("note1") else text
    except Nip19Error as error:
        raise ConfigurationError(str(error)) from error
    if not is_hex32(job):
        raise ConfigurationError("a job's id is 64 lower-case hexadecimal digits, or note1…")
    return job


async def watch_job(client: Client, job: str, timeout_s: float | None, show: Printer) -> None:
    """Show the news of a job until it ends. Raises as `Client.result` does."""
    try:
        async with asyncio.timeout(timeout_s), aclosing(client.watch(job)) as news:
            async for feedback in news:
                show(feedback)
    except TimeoutError as error:
        raise JobTimeout(f"job {job} had not ended after {timeout_s:g} s") from error
    if feedback.phase == "refused":
        raise JobRefused(feedback.code or feedback.status, feedback.reason)
    if feedback.phase != "completed":
        raise JobFailed(feedback.phase, feedback.reason)


async def follow(client: Client, job: str, timeout_s: float | None) -> Output:
    """The result, with news of the job on stderr until then."""
    watcher = asyncio.create_task(
        watch_job(client, job, None, lambda feedback: note(_feedback_line(feedback)))
    )
    try:
        return await client.result(job, timeout_s)
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


def feedback_printer(*, json: bool) -> Printer:
    """Prints each feedback on stdout."""

    def show(feedback: Feedback) -> None:
        if json:
            print_json(msgspec.to_builtins(feedback))
        else:
            print_line(_feedback_line(feedback))

    return show


def _feedback_line(feedback: Feedback) -> str:
    parts: list[str] = [feedback.phase]
    if feedback.progress is not None:
        parts.append(f"{feedback.progress:.1%}")
    if feedback.eta_s is not None:
        parts.append(f"{feedback.eta_s} s left")
    if feedback.reason:
        parts.append(printable(feedback.reason))
    return "  ".join(parts)


def print_posted(job: Job, *, json: bool) -> None:
    """What the poster needs to find the job again."""
    if json:
        posted = {"job": job.id, "coordinator": job.coordinator, "relays": list(job.relays)}
        print_json(posted)
    else:
        print_line(job.id)


def print_jobs(views: Sequence[JobView], *, json: bool) -> None:
    """One's own jobs as a table."""
    rows = [asdict(view) for view in views]
    if json:
        print_json(rows)
        return
    for row in rows:
        row["posted"] = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["posted_at"]))
        row["progress"] = "" if row["progress"] is None else f"{row['progress']:.0%}"
        row["phase"] = row["phase"] or "unanswered"
    print_table(("id", "posted", "title", "phase", "progress", "reason"), rows)


def print_output(output: Output, file: Path | None, *, json: bool) -> None:
    """A job's answer; to `file` the canonical bytes that its hash names."""
    if file is not None:
        file.write_bytes(output.raw)
        note(f"written to {file}: {len(output.raw)} bytes, SHA-256 {output.sha256}")
    if json:
        print_json(
            {
                "job": output.job,
                "sha256": output.sha256,
                "cost": output.cost,
                "log_size": output.log_size,
                "output": output.value,
            }
        )
        return
    if file is None:
        print_value(output.value)
    note(f"cost {credits_text(output.cost)} credits; SHA-256 {output.sha256}")
