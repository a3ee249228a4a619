"""`newral job`: post jobs, follow them, get their results."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newral.cli.console import note, print_json
from newral.cli.job_view import (
    feedback_printer,
    follow,
    parse_job_id,
    print_jobs,
    print_output,
    print_posted,
    watch_job,
    with_client,
)
from newral.cli.json_option import Json
from newral.cli.kernel_words import UNKNOWN_OPTIONS, KernelCommand
from newral.cli.key_options import KeyFile, PasswordFile, load_secret, require_secret
from newral.cli.network_options import Coordinator, Relays
from newral.cli.options import setting

if TYPE_CHECKING:
    from newral.client import Client

group = typer.Typer(help="Post jobs, follow them, get their results.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, as `post` printed it.")]
Timeout = Annotated[
    float | None,
    setting("job.timeout", "--timeout", min=0, metavar="SECONDS", help="How long to wait."),
]
OutputFile = Annotated[
    Path | None, typer.Option("--output", help="File for the answer, as canonical JSON.")
]


@group.command(cls=KernelCommand, context_settings=UNKNOWN_OPTIONS)
def post(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KERNEL PARAMS...]",
            help="As in: carmichael 10^9, or: carmichael --bound 10^9.",
        ),
    ] = None,
    workflow: Annotated[
        Path | None,
        typer.Option("--workflow", help="JSON file with a list of stages, instead of a kernel."),
    ] = None,
    bid: Annotated[
        str | None,
        setting("job.bid", "--bid", metavar="CREDITS", help="The most to pay for the whole job."),
    ] = None,
    epsilon: Annotated[
        float | None,
        setting("job.epsilon", "--epsilon", help="Error probability tolerated for each unit."),
    ] = None,
    within: Annotated[
        int | None,
        typer.Option("--within", min=1, metavar="SECONDS", help="Deadline, from now."),
    ] = None,
    encrypted: Annotated[
        bool, typer.Option("--encrypted", help="Show the job to the coordinator and nodes only.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait, and print the result.")] = False,
    timeout: Timeout = None,
    output: OutputFile = None,
    relays: Relays = None,
    coordinator: Coordinator = None,
    key_file: KeyFile = None,
    key_password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Post a job; prints its id, or with --wait its result.

    Example: newral job post carmichael 10^9 --bid 5 --wait
    """
    from newral.job_files import stages_of
    from newral_spec import limits

    stages = stages_of(words or [], workflow)
    secret = require_secret(key_file, key_password_file)

    async def act(client: Client) -> None:
        job = await client.post_workflow(
            stages,
            bid=bid,
            epsilon=limits.EPSILON_DEFAULT if epsilon is None else epsilon,
            deadline=None if within is None else int(time.time()) + within,
            encrypted=encrypted,
        )
        if not wait:
            print_posted(job, json=json)
            return
        note(f"posted {job.id}")
        print_output(await follow(client, job.id, timeout), output, json=json)

    with_client(act, relays, coordinator, secret)


@group.command("list")
def list_(
    relays: Relays = None,
    coordinator: Coordinator = None,
    key_file: KeyFile = None,
    key_password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """List the jobs that your key posted.

    Example: newral job list --key-file ~/newral.key
    """
    secret = require_secret(key_file, key_password_file)

    async def act(client: Client) -> None:
        print_jobs(await client.jobs(), json=json)

    with_client(act, relays, coordinator, secret)


@group.command()
def watch(
    job: JobId,
    timeout: Timeout = None,
    relays: Relays = None,
    coordinator: Coordinator = None,
    json: Json = False,
) -> None:
    """Print news of a job until it ends; with --json one line for each.

    Example: newral job watch 1f5c… --timeout 60
    """
    job_id = parse_job_id(job)

    async def act(client: Client) -> None:
        await watch_job(client, job_id, timeout, feedback_printer(json=json))

    with_client(act, relays, coordinator, None)


@group.command()
def result(
    job: JobId,
    timeout: Timeout = None,
    output: OutputFile = None,
    relays: Relays = None,
    coordinator: Coordinator = None,
    key_file: KeyFile = None,
    key_password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Wait for a job's result, check it and print it. An encrypted one needs your key.

    Example: newral job result 1f5c… --timeout 600 --output answer.json
    """
    job_id = parse_job_id(job)
    secret = None if key_file is None else load_secret(key_file, key_password_file)

    async def act(client: Client) -> None:
        print_output(await client.result(job_id, timeout), output, json=json)

    with_client(act, relays, coordinator, secret)


@group.command()
def cancel(
    job: JobId,
    relays: Relays = None,
    coordinator: Coordinator = None,
    key_file: KeyFile = None,
    key_password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Ask the coordinator to cancel a job of yours. What was computed before is still paid.

    Example: newral job cancel 1f5c… --key-file ~/newral.key
    """
    job_id = parse_job_id(job)
    secret = require_secret(key_file, key_password_file)

    async def act(client: Client) -> None:
        await client.cancel(job_id)
        if json:
            print_json({"job": job_id, "cancel": "requested"})
        else:
            note("asked to cancel")

    with_client(act, relays, coordinator, secret)
