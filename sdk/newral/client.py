"""The asynchronous client: post jobs, follow them, get answers that were checked."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal, InvalidOperation
from types import TracebackType
from typing import Any, Final, Self

from newral import announcements
from newral.downloads import fetch_blob
from newral.errors import JobFailed, JobRefused, JobTimeout, RelaysUnreachable
from newral.inbox import Inbox
from newral.jobs import Job, JobView, Output, decode_news
from newral.keyfiles import generate_key
from newral.own_jobs import job_views
from newral_spec import limits
from newral_spec.canonical import parse_json
from newral_spec.event import Draft, Event, sign_draft
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.messages import (
    FINAL_PHASES,
    Announcement,
    Feedback,
    InvalidMessage,
    JobRequest,
    Stage,
    decode_result,
    encode_job_request,
    parse_credits,
)
from newral_spec.messages.job import JOB_KINDS, SINGLE_STAGE
from newral_spec.messages.result import JobResult
from newral_spec.nips.nip19 import parse_public_key
from newral_spec.sealing import seal, unseal
from newral_spec.session.filters import Filter
from newral_spec.transport.relay_connection import RelayUnavailable
from newral_spec.transport.relay_pool import RelayPool

RELAY_TIMEOUT_S: Final = 20.0
"""How long a relay may take to take an event or to tell what it has; covers a reconnect."""


class Client:
    """A requester's view of the market.

    `relays` are `ws://` or `wss://` URLs. `secret` is the requester's key; without one a key is
    made for this client alone, with which nobody can cancel its jobs later. `coordinator` is a
    public key (hexadecimal or npub); without one there must be exactly one on the relays.

    Example::

        async with newral.Client(relays=["ws://127.0.0.1:7777"]) as client:
            job = await client.post("carmichael", {"bound": "10^9"}, bid=5)
            async for feedback in client.watch(job.id):
                print(feedback.phase, feedback.progress)
            output = await client.result(job.id)
            print(output.value["count"])  # 646
    """

    def __init__(
        self,
        *,
        relays: Sequence[str],
        secret: SecretKey | None = None,
        coordinator: str | None = None,
        relay_timeout_s: float = RELAY_TIMEOUT_S,
    ) -> None:
        """Raises `ValueError` without relays, or when `coordinator` is not a public key."""
        if not relays:
            raise ValueError("name at least one relay, such as wss://relay.example.org")
        self.relays = tuple(relays)
        self._relay_timeout_s = relay_timeout_s
        self._secret = secret or generate_key()
        self._coordinator = None if coordinator is None else parse_public_key(coordinator)
        self._pool = RelayPool(self.relays, on_event=self._on_event, secret=self._secret)
        self._inboxes: dict[str, Inbox] = {}

    @property
    def public_key(self) -> str:
        """The requester's public key in hexadecimal."""
        return self._secret.public_key

    async def __aenter__(self) -> Self:
        self._pool.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._pool.close()

    async def coordinator(self) -> str:
        """The coordinator's public key: the one given, or the only one on the relays.

        Raises `NotFound` when there is none, or more than one to choose from.
        """
        if self._coordinator is None:
            found = await self._fetch(announcements.FILTER)
            self._coordinator = announcements.only_coordinator(found)
        return self._coordinator

    async def announcement(self) -> Announcement:
        """What the coordinator announces: kernels, price, quorum. Raises `NotFound`."""
        coordinator = await self.coordinator()
        found = await self._fetch(announcements.of(coordinator))
        return announcements.newest(found, coordinator)

    async def post(
        self,
        kernel: str,
        params: Mapping[str, Any],
        *,
        version: str | None = None,
        bid: int | str | Decimal | None = None,
        epsilon: float = limits.EPSILON_DEFAULT,
        deadline: int | None = None,
        encrypted: bool = False,
    ) -> Job:
        """Post a job of one kernel: see `post_workflow`.

        Example: `await client.post("bpsw", {"start": "2^64", "stop": "2^64+10^6"}, bid="2.5")`
        """
        stage = Stage(id=SINGLE_STAGE, kernel=kernel, version=version, params=dict(params))
        return await self.post_workflow(
            [stage], bid=bid, epsilon=epsilon, deadline=deadline, encrypted=encrypted
        )

    async def post_workflow(
        self,
        stages: Sequence[Stage],
        *,
        bid: int | str | Decimal | None = None,
        epsilon: float = limits.EPSILON_DEFAULT,
        deadline: int | None = None,
        encrypted: bool = False,
    ) -> Job:
        """Post a job of several stages; returns when a relay has it.

        `bid` is the most to pay, in credits; without one the coordinator's price counts.
        `deadline` is in Unix seconds. `encrypted` hides what is computed from all but the
        coordinator and the nodes. The same job posted twice within a second is one job.

        Raises `InvalidMessage` when the stages are no graph, `RelaysUnreachable`, `NotFound`.
        """
        coordinator = await self.coordinator()
        request = JobRequest(
            workflow=tuple(stages),
            coordinator=coordinator,
            bid=None if bid is None else _microcredits(bid),
            epsilon=epsilon,
            deadline=deadline,
            relays=self.relays[: limits.JOB_RELAYS_MAX],
            encrypted=encrypted,
        )
        draft = encode_job_request(request)
        if encrypted:
            draft = seal(draft, self._secret, coordinator, secrets.token_bytes(32))
        event, acknowledged = await self._publish(draft)
        return Job(id=event.id, coordinator=coordinator, request=event, relays=acknowledged)

    async def watch(self, job: str) -> AsyncGenerator[Feedback, None]:
        """The coordinator's feedback on the job with this id, until a final phase.

        Feedback that relays deliver late or again is left out.
        """
        furthest: tuple[int, str] = (0, "")
        async with aclosing(self._news(job)) as news:
            async for event in news:
                feedback = decode_news(event, job) if event.kind == Kind.FEEDBACK else None
                if feedback is None:
                    continue
                if feedback.phase in FINAL_PHASES:
                    yield feedback
                    return
                if event.created_at >= furthest[0]:
                    furthest = (event.created_at, event.id)
                    yield feedback

    async def result(self, job: str, timeout_s: float | None = None) -> Output:
        """The job's output, once there is one.

        Only the coordinator's signed result counts, and only an output that has the hash it names.
        Raises `JobRefused`, `JobFailed`, `JobTimeout`, `InvalidOutput` and `NotFound`.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._await_result(job)
        except TimeoutError as error:
            if isinstance(error, JobTimeout):
                raise
            raise JobTimeout(f"job {job} had not ended after {timeout_s:g} s") from error

    async def cancel(self, job: str) -> None:
        """Ask the coordinator to cancel (NIP-09). Work that was committed before is still paid.

        Raises `RelaysUnreachable`.
        """
        tags = (
            ("e", job),
            ("k", str(int(Kind.JOB_REQUEST))),
            ("p", await self._coordinator_of(job)),
        )
        await self._publish(Draft(kind=Kind.DELETION, tags=tags, content="cancelled"))

    async def jobs(self) -> list[JobView]:
        """The jobs that this key posted, newest first, with the latest news of each."""
        requests = await self._fetch(Filter(kinds=JOB_KINDS, authors=(self.public_key,)))
        feedback = await self._fetch(Filter(kinds=(Kind.FEEDBACK,), tags={"p": (self.public_key,)}))
        return job_views(requests, feedback)

    async def _await_result(self, job: str) -> Output:
        async with aclosing(self._news(job)) as news:
            async for event in news:
                if event.kind == Kind.JOB_RESULT:
                    result = self._decode_result(event, job)
                    if result is not None:
                        return await _output(result)
                elif (feedback := decode_news(event, job)) is not None:
                    _raise_unless_hopeful(feedback)
        raise AssertionError("the news never end by themselves")

    def _decode_result(self, event: Event, job: str) -> JobResult | None:
        try:
            is_encrypted = any(tag[0] == "encrypted" for tag in event.tags)
            plaintext = unseal(event, self._secret) if is_encrypted else None
            result = decode_result(event, plaintext)
        except InvalidMessage:
            return None
        return result if result.request == job else None

    async def _news(self, job: str) -> AsyncGenerator[Event, None]:
        """Verified events of the job's coordinator about the job, those already stored first."""
        coordinator = await self._coordinator_of(job)
        wanted = Filter(
            kinds=(Kind.FEEDBACK, Kind.JOB_RESULT), authors=(coordinator,), tags={"e": (job,)}
        )
        async with self._subscription(wanted) as inbox:
            while True:
                event = await inbox.get()
                # A relay may send what nobody asked for.
                if wanted.matches(event):
                    yield event

    @asynccontextmanager
    async def _subscription(self, wanted: Filter) -> AsyncIterator[Inbox]:
        name = secrets.token_hex(8)
        self._inboxes[name] = inbox = Inbox()
        await self._pool.subscribe(name, (wanted,))
        try:
            yield inbox
        finally:
            del self._inboxes[name]
            await self._pool.unsubscribe(name)

    async def _coordinator_of(self, job: str) -> str:
        """The configured coordinator, the one that the request addresses, or the only one.

        Raises `NotFound`. A relay that honours deletions has no request of a cancelled job.
        """
        if self._coordinator is not None:
            return self._coordinator
        for event in await self._fetch(Filter(ids=(job,))):
            addressed = event.first("p")
            if event.id == job and addressed is not None:
                return addressed
        return await self.coordinator()

    async def _fetch(self, wanted: Filter) -> list[Event]:
        """Verified events that match, from all relays. Raises `RelaysUnreachable`."""
        try:
            found = await self._pool.fetch((wanted,), timeout_s=self._relay_timeout_s)
        except (TimeoutError, RelayUnavailable) as error:
            raise RelaysUnreachable(f"no relay answers: {self._state()}") from error
        return [event for event in found if wanted.matches(event)]

    def _state(self) -> str:
        """What is known of each relay, for an error message."""
        return "; ".join(
            f"{url}: {relay.last_error or 'no answer'}" for url, relay in self._pool.relays.items()
        )

    async def _publish(self, draft: Draft) -> tuple[Event, tuple[str, ...]]:
        event = sign_draft(self._secret, draft, int(time.time()))
        outcomes = await self._pool.publish(event, minimum=1, timeout_s=self._relay_timeout_s)
        acknowledged = tuple(url for url, outcome in outcomes.items() if outcome.is_accepted)
        if not acknowledged:
            said = "; ".join(f"{url}: {outcome.message}" for url, outcome in outcomes.items())
            raise RelaysUnreachable(f"no relay took the event: {said}")
        return event, acknowledged

    def _on_event(self, subscription: str, event: Event) -> None:
        inbox = self._inboxes.get(subscription)
        if inbox is not None:
            inbox.put(event)


def _microcredits(amount: int | str | Decimal) -> int:
    try:
        return parse_credits(f"{Decimal(amount):f}")
    except InvalidOperation as error:
        raise InvalidMessage("bad_bid", f"a bid is a number of credits, not {amount!r}") from error


def _raise_unless_hopeful(feedback: Feedback) -> None:
    if feedback.phase == "refused":
        raise JobRefused(feedback.code or feedback.status, feedback.reason)
    if feedback.phase in FINAL_PHASES and feedback.phase != "completed":
        raise JobFailed(feedback.phase, feedback.reason)


async def _output(result: JobResult) -> Output:
    raw = result.output.encode() or await fetch_blob(result.urls, result.blob)
    return Output(
        job=result.request,
        value=parse_json(raw),
        raw=raw,
        sha256=result.blob.sha256,
        cost=result.cost,
        log_size=result.log_size,
    )
