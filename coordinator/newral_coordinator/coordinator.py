"""The coordinator's loop: inputs from the event log, each applied exactly once; and time."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from random import Random
from typing import Any, Final

import msgspec
import psycopg
from psycopg import AsyncConnection

from newral_coordinator import answers
from newral_coordinator.blobs.store import BlobStore
from newral_coordinator.executor import Executor
from newral_coordinator.handlers import progress, timers
from newral_coordinator.handlers.rejected import handle_rejected
from newral_coordinator.handlers.requests import handle_deletion, handle_request
from newral_coordinator.handlers.work import handle_sealed_results, handle_work_request
from newral_coordinator.hearing import Hearing
from newral_coordinator.instructions import Instruction, Publish
from newral_coordinator.instructions import Record as LogEntry
from newral_coordinator.jobs import Kernels, Refusal
from newral_coordinator.policy import Policy
from newral_coordinator.scope import Scope
from newral_coordinator.store import Store
from newral_relay_bridge.consumer_offsets import OffsetConflict, load_offset, store_offset
from newral_relay_bridge.event_log import Entry, EventLog, EventLogUnavailable, Record
from newral_spec import trail
from newral_spec.event import Draft, Event, parse_event
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind, is_ephemeral
from newral_spec.messages import Announcement, KernelOffer, encode_announcement
from newral_spec.messages.job import JOB_KINDS

LOGGER: Final = logging.getLogger(__name__)

CONSUMER: Final = "coordinator"
INBOUND: Final = "inbound"
REJECTED: Final = "rejected"
OUTBOUND: Final = "outbound"

BATCH: Final = 200
"""Records read from the event log at once."""

TICK_S: Final = 1.0
"""How often time is looked at."""

FORGET_S: Final = 60
"""How often is deleted what nobody needs."""

RECONNECT_S: Final = 0.25
RECONNECT_MAX_S: Final = 5.0

_INTERNAL: Final = Refusal(
    "internal", "the coordinator failed to handle the request; its operator can see why"
)

Handler = Callable[[Scope, Event], Awaitable[str]]

HANDLERS: Final[Mapping[int, Handler]] = {
    Kind.JOB_REQUEST: handle_request,
    Kind.JOB_REQUEST_ALTERNATIVE: handle_request,
    Kind.NOTE: handle_request,
    Kind.ENCRYPTED_DIRECT_MESSAGE: handle_request,
    Kind.GIFT_WRAP: handle_request,
    Kind.DELETION: handle_deletion,
    Kind.WORK_REQUEST: handle_work_request,
    Kind.SEALED_RESULT: handle_sealed_results,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorConfig:
    """What a coordinator needs to know. `blobs_url` is the announced address of its HTTP server."""

    secret: SecretKey
    dsn: str
    blobs_url: str
    relays: tuple[str, ...] = ()
    """Announced, so that nodes and requesters find us."""
    name: str = "A Newral coordinator"
    policy: Policy = field(default_factory=Policy)


def announce(config: CoordinatorConfig, kernels: Kernels) -> list[Instruction]:
    """Say who we are (NIP-89) and where we listen (NIP-65). Newer ones replace older ones."""
    known = [kernels.get(name) for name in kernels.names()]
    announcement = Announcement(
        name=config.name,
        software=f"newral/{version('newral')}",
        kernels=tuple(
            KernelOffer(kernel.name, kernel.version, kernels.identity(kernel)) for kernel in known
        ),
        relays=config.relays,
        blobs=config.blobs_url,
        price=config.policy.price,
        quorum=config.policy.quorum,
        grant=config.policy.grant,
        short_forms=tuple(kernel.name for kernel in known if kernel.positional),
    )
    relay_list = Draft(kind=Kind.RELAY_LIST, tags=tuple(("r", relay) for relay in config.relays))
    return [Publish(draft=encode_announcement(announcement)), Publish(draft=relay_list)]


class ForeignState(Exception):
    """The database has the state of a coordinator with another key."""


class Coordinator:
    """One process's share of the coordination; its state is in Postgres, none of it here."""

    def __init__(
        self,
        config: CoordinatorConfig,
        event_log: EventLog,
        blobs: BlobStore,
        kernels: Kernels,
        *,
        clock: Callable[[], float] = time.time,
        random_bytes: Callable[[int], bytes] = os.urandom,
        rng: Random | None = None,
    ) -> None:
        """`clock` gives Unix seconds, `random_bytes` must be a cryptographic generator."""
        self._config = config
        self._event_log = event_log
        self._blobs = blobs
        self._kernels = kernels
        self._clock = clock
        self._random_bytes = random_bytes
        self._rng = rng or Random(int.from_bytes(random_bytes(16)))  # noqa: S311 - not secret
        self._plans: progress.Plans = {}
        self._touched: set[str] = set()
        self._hearing = Hearing()
        self._forget_at = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Survives the loss of Postgres and continues where it was."""
        delay = RECONNECT_S
        while not stop.is_set():
            try:
                async with await AsyncConnection.connect(
                    self._config.dsn, autocommit=True
                ) as connection:
                    await self._begin(connection)
                    delay = RECONNECT_S
                    await self._work(connection, stop)
            except (psycopg.OperationalError, EventLogUnavailable, OffsetConflict) as error:
                LOGGER.warning("interrupted, trying again in %.2f s: %s", delay, error)
                await _wait(stop, delay)
                delay = min(2 * delay, RECONNECT_MAX_S)

    async def _begin(self, connection: AsyncConnection[Any]) -> None:
        """State the rules where they are new; look at every open job after a restart."""
        self._plans.clear()
        self._hearing.begin(int(self._clock()))
        async with self._scope(connection) as scope:
            await self._state_policy(scope)
            await scope.run(announce(self._config, self._kernels))
            self._touched.update(job.id for job in await scope.store.active_jobs())

    async def _state_policy(self, scope: Scope) -> None:
        policy = self._config.policy
        entry = trail.PolicySet(
            at=scope.now,
            coordinator=self._config.secret.public_key,
            price=policy.price,
            quorum=policy.quorum,
            grant=policy.grant,
        )
        stored = await scope.store.policy()
        if stored is not None:
            stated = trail.decode_entry(stored)
            assert isinstance(stated, trail.PolicySet)
            if stated.coordinator != entry.coordinator:
                raise ForeignState(
                    f"this database is coordinator {stated.coordinator}'s: use its key, or another"
                    " database"
                )
            if msgspec.structs.replace(stated, at=entry.at) == entry:
                return
        await scope.run([LogEntry(entry)])
        await scope.store.put_policy(trail.encode_entry(entry))

    async def _work(self, connection: AsyncConnection[Any], stop: asyncio.Event) -> None:
        offset = await load_offset(connection, CONSUMER, INBOUND)
        due = 0.0
        while not stop.is_set():
            records = await self._event_log.read(INBOUND, offset, BATCH)
            for record in records:
                await self._apply(connection, record)
                offset = record.offset
            if records:
                await self._settle(connection)
            if self._clock() >= due:
                await self._tick(connection)
                due = self._clock() + TICK_S
            await self._pump(connection)
            if not records:
                timeout = max(0.0, min(TICK_S, due - self._clock()))
                await self._event_log.wait(INBOUND, offset, timeout)

    @asynccontextmanager
    async def _scope(self, connection: AsyncConnection[Any]) -> AsyncIterator[Scope]:
        """One transaction and all that belongs to it."""
        now = int(self._clock())
        store = Store(connection)
        async with connection.transaction():
            scope = Scope(
                store=store,
                executor=Executor(store, self._config.secret, now, self._random_bytes),
                blobs=self._blobs,
                kernels=self._kernels,
                policy=self._config.policy,
                secret=self._config.secret,
                now=now,
                rng=self._rng,
                blobs_url=self._config.blobs_url,
            )
            yield scope
            await scope.executor.flush()
        self._touched |= scope.touched

    async def _apply(self, connection: AsyncConnection[Any], record: Record) -> None:
        """Apply one input: its effects, its inbox row and the offset commit together."""
        async with self._scope(connection) as scope:
            event = parse_event(record.value)
            handler = HANDLERS.get(event.kind)
            ephemeral = is_ephemeral(event.kind)
            if handler is not None and await scope.store.claim_input(
                event.id, scope.now, ephemeral=ephemeral
            ):
                await self._handle(connection, scope, handler, event)
            if event.kind == Kind.WORK_REQUEST:
                self._hearing.heard(scope.now)
            await store_offset(connection, CONSUMER, INBOUND, record.offset)

    async def _handle(
        self, connection: AsyncConnection[Any], scope: Scope, handler: Handler, event: Event
    ) -> None:
        try:
            async with connection.transaction():
                outcome = await handler(scope, event)
                await scope.executor.flush()
        except psycopg.OperationalError:
            raise
        except Exception as error:
            if connection.closed or _is_cancelled():
                raise
            # Our own fault, for this input. What it did is rolled back and the others go on.
            LOGGER.exception("event %s of kind %d could not be applied", event.id, event.kind)
            scope.touched.clear()
            scope.executor.forget()
            if event.kind in JOB_KINDS:
                await scope.run(answers.refusal(event, event.id, "native", _INTERNAL))
            outcome = f"error: {type(error).__name__}"
        await scope.store.set_input_outcome(event.id, outcome)
        LOGGER.debug("event %s of kind %d: %s", event.id, event.kind, outcome)

    async def _settle(self, connection: AsyncConnection[Any]) -> None:
        """Let the jobs that were touched move on, lend what is ready, send what is due."""
        while self._touched:
            await self._advance(connection, self._touched.pop())
        async with self._scope(connection) as scope:
            await timers.lend(scope)
            await timers.send_receipts(scope)

    async def _advance(self, connection: AsyncConnection[Any], job_id: str) -> None:
        """Let a job move on. One that cannot for a reason of ours fails, and the others go on."""
        try:
            async with self._scope(connection) as scope:
                if await progress.advance_job(scope, job_id, self._plans):
                    scope.touched.add(job_id)
        except (psycopg.OperationalError, OSError):
            raise
        except Exception:
            if connection.closed or _is_cancelled():
                raise
            LOGGER.exception("job %s could not be advanced", job_id)
            async with self._scope(connection) as scope:
                await progress.fail_job(scope, job_id, _INTERNAL.reason)

    async def _tick(self, connection: AsyncConnection[Any]) -> None:
        await self._answer_rejected(connection)
        async with self._scope(connection) as scope:
            await timers.end_overdue(scope, self._hearing.since(scope.now))
        for step in (timers.offer_again, timers.report_progress):
            async with self._scope(connection) as scope:
                await step(scope)
        if self._clock() >= self._forget_at:
            self._forget_at = int(self._clock()) + FORGET_S
            async with self._scope(connection) as scope:
                await timers.forget(scope)
        await self._settle(connection)
        async with self._scope(connection) as scope:
            await timers.make_checkpoint(scope)

    async def _answer_rejected(self, connection: AsyncConnection[Any]) -> None:
        offset = await load_offset(connection, CONSUMER, REJECTED)
        for record in await self._event_log.read(REJECTED, offset, BATCH):
            async with self._scope(connection) as scope:
                try:
                    await handle_rejected(scope, record.value)
                except msgspec.DecodeError:
                    LOGGER.exception("line %d of topic %s is malformed", record.offset, REJECTED)
                await store_offset(connection, CONSUMER, REJECTED, record.offset)

    async def _pump(self, connection: AsyncConnection[Any]) -> None:
        """Hand the outbox to the event log. Both know events by id, so repeating is harmless."""
        store = Store(connection)
        while rows := await store.outbox(BATCH):
            await self._event_log.append(
                OUTBOUND,
                [
                    Entry(
                        key=row["event_id"],
                        value=bytes(row["message"]),
                        idempotency_key=row["event_id"],
                    )
                    for row in rows
                ],
            )
            await store.delete_outbox([row["id"] for row in rows])


def _is_cancelled() -> bool:
    """Whether this task is being cancelled: a library may raise something else meanwhile."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
