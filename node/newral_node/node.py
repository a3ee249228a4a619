"""The node's edge to the world: relays, disk, worker processes, blobs and the clock.

One task takes events and carries the core's instructions out, in order; whatever takes long runs
in a task of its own and comes back as an event.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Any, Final, TypeVar

import msgspec

from newral_node import events as ev
from newral_node import inbox, wire
from newral_node.blobs import BlobClient, BlobError
from newral_node.config import NodeConfig
from newral_node.core import NodeCore
from newral_node.envelope import Envelope
from newral_node.home import Home
from newral_node.preparation import prepare
from newral_node.queue import Queue
from newral_node.settings import RESIGN_AFTER_S, RESULT_KEPT_S
from newral_node.status import (
    PREPARING,
    VERDICTS_SHOWN,
    NodeStatus,
    RelayStatus,
    condition,
    units,
)
from newral_node.workers import WorkerPool
from newral_spec import limits
from newral_spec.canonical import NotCanonical, canonical_json, parse_json
from newral_spec.event import Event
from newral_spec.messages import (
    Announcement,
    BlobRef,
    KernelOffer,
    Lease,
    LeaseOffer,
    Receipt,
    WorkRequest,
)
from newral_spec.transport import RelayPool

EVENTS_MAX: Final = 256
"""Events that wait for the core; beyond it relays and workers wait."""

PUBLISH_TIMEOUT_S: Final = 15.0
REQUEST_TIMEOUT_S: Final = 5.0
"""A work request that no relay took by then is out of date: the next heartbeat says more."""

FETCH_DELAYS_S: Final = (1.0, 3.0, 10.0, 30.0)
"""Between attempts to fetch a unit's parameters; then the lease is declined."""

PREPARING_SAID_S: Final = 3.0
"""Loading kernels that were compiled before takes less: then nothing is said."""

CONNECTION_POLL_S: Final = 0.25
"""How often the relays' connections are looked at."""

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Node:
    """A running node."""

    def __init__(self, config: NodeConfig, home: Home, kernels: tuple[KernelOffer, ...]) -> None:
        self._config = config
        self._home = home
        self._core = NodeCore(config.settings(kernels), random_bytes=os.urandom)
        self._kernels = kernels
        self._envelope = Envelope(config.secret, config.coordinator, os.urandom)
        # Before the store, which would have to be closed when a relay has no valid URL.
        self._pool = RelayPool(config.relays, on_event=self._receive, secret=config.secret)
        self._queue = Queue(home.queue_path)
        # One thread for all of the store: its calls wait for the disk and keep their order.
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="newral-node-queue")
        self._events: asyncio.Queue[ev.NodeEvent] = asyncio.Queue(EVENTS_MAX)
        self._workers = WorkerPool(home.scratch, self._events.put)
        self._blobs = BlobClient(config.secret, time.time)
        self._signed: dict[int, Event] = {}
        self._announced_at = -1
        self._tasks: set[asyncio.Task[None]] = set()
        self._request: asyncio.Task[None] | None = None
        self._started_at = time.time()
        self._stopped = False
        self.page_url: str | None = None

    async def run(self) -> None:
        """Work until `stop` was called and everything that could be done was done."""
        restored = await self._on_disk(self._queue.restore)
        self._core.handle(ev.Preparing(), time.time())
        if self._home.paused_because is not None:
            self._core.handle(ev.Paused(self._home.paused_because), time.time())
        watch = asyncio.create_task(self._watch_connections())
        try:
            await self._subscribe()
            self._pool.start()
            self._spawn(self._prepare())
            await self._perform_all(self._core.begin(restored, time.time()))
            while not self._stopped:
                event = await self._next_event()
                await self._perform_all(self._core.handle(event, time.time()))
        finally:
            watch.cancel()
            await self._close(watch)

    # -- what the owner asks for -----------------------------------------------------------------

    async def pause(self, reason: str) -> None:
        """Compute nothing until `resume`, over restarts too."""
        self._home.paused_because = reason
        await self._events.put(ev.Paused(reason))

    async def resume(self) -> None:
        """Compute again."""
        self._home.paused_because = None
        await self._events.put(ev.Resumed())

    async def stop(self) -> None:
        """Let `run` come to its end."""
        await self._events.put(ev.Stopping())

    async def status(self) -> NodeStatus:
        """What the node does now."""
        earnings = await self._on_disk(self._queue.earnings)
        verdicts = await self._on_disk(lambda: self._queue.last_verdicts(VERDICTS_SHOWN))
        state, why = condition(self._core)
        return NodeStatus(
            pubkey=self._config.secret.public_key,
            coordinator=self._config.coordinator,
            state=state,
            why=why,
            cores=self._config.cores,
            buffer=self._config.buffer,
            memory_bytes=self._config.memory_bytes,
            units=units(self._core),
            relays=tuple(
                RelayStatus(url=url, connected=relay.connected, error=relay.last_error)
                for url, relay in self._pool.relays.items()
            ),
            accepted=earnings.accepted,
            rejected=earnings.rejected,
            refused=earnings.refused,
            credits=earnings.credits,
            verdicts=tuple(verdicts),
            started_at=int(self._started_at),
            page=self.page_url,
            pid=os.getpid(),
        )

    async def _prepare(self) -> None:
        slow = asyncio.get_running_loop().call_later(PREPARING_SAID_S, _log.info, PREPARING)
        try:
            ready = await prepare(self._kernels, self._home.scratch)
        finally:
            slow.cancel()
        await self._events.put(ev.Prepared(ready))

    # -- events in -------------------------------------------------------------------------------

    async def _next_event(self) -> ev.NodeEvent:
        now = time.time()
        try:
            async with asyncio.timeout(self._core.wakeup_at(now) - now):
                return await self._events.get()
        except TimeoutError:
            return ev.Tick()

    async def _subscribe(self) -> None:
        last = await self._on_disk(self._queue.last_receipt_at)
        since = int(time.time()) - RESULT_KEPT_S if last is None else last - limits.CLOCK_SKEW_S
        wanted = inbox.filters(
            self._config.coordinator, self._config.secret.public_key, max(since, 0)
        )
        await self._pool.subscribe("node", wanted)

    async def _receive(self, _subscription: str, event: Event) -> None:
        try:
            message = inbox.read(
                event,
                secret=self._config.secret,
                coordinator=self._config.coordinator,
                now=time.time(),
            )
        except inbox.Ignored as reason:
            _log.warning("ignored an event: %s", reason)
            return
        match message:
            case LeaseOffer():
                await self._events.put(ev.LeaseOffered(message))
            case Receipt():
                await self._events.put(ev.ReceiptArrived(message, event.created_at))
            case Announcement() if event.created_at >= self._announced_at:
                self._announced_at = event.created_at
                self._blobs.base_url = message.blobs
                await self._events.put(ev.CoordinatorAnnounced())

    async def _watch_connections(self) -> None:
        known = False
        while True:
            connected = any(relay.connected for relay in self._pool.relays.values())
            if connected != known:
                known = connected
                await self._events.put(ev.ConnectionChanged(connected))
            await asyncio.sleep(CONNECTION_POLL_S)

    # -- instructions out ------------------------------------------------------------------------

    async def _perform_all(self, instructions: Sequence[ev.Instruction]) -> None:
        for saves, group in groupby(instructions, lambda each: isinstance(each, ev.Save)):
            if saves:
                together = [each for each in group if isinstance(each, ev.Save)]
                await self._on_disk(partial(self._queue.save, together))
            else:
                for instruction in group:
                    await self._perform(instruction)

    async def _perform(self, instruction: ev.Instruction) -> None:
        match instruction:
            case ev.StartUnit(lease):
                await self._start(lease)
            case ev.SuspendUnit(lease_id):
                self._workers.suspend(lease_id)
            case ev.KillUnit(lease_id):
                self._workers.kill(lease_id)
            case ev.FetchSpec(lease_id, blob):
                self._spawn(self._fetch(lease_id, blob))
            case ev.UploadResult(lease_id):
                self._spawn(self._upload(lease_id))
            case ev.PublishResults(delivery, leases, sign):
                self._spawn(self._publish(delivery, leases, sign))
            case ev.SendWorkRequest(request):
                self._send_work_request(request)
            case ev.Stop():
                self._stopped = True
            case _:
                raise TypeError(f"the node cannot do {type(instruction).__name__}")

    async def _start(self, lease: Lease) -> None:
        spec, checkpoint = await self._on_disk(lambda: self._queue.work(lease.id))
        work = wire.Work(
            lease=lease.id,
            kernel=lease.kernel,
            version=lease.version,
            identity=lease.identity,
            memory_bytes=lease.memory_bytes_max,
            spec=msgspec.Raw(spec),
            checkpoint=msgspec.Raw(checkpoint or b"null"),
        )
        await self._workers.start(work, lease.time_limit_s)

    async def _fetch(self, lease: str, blob: BlobRef) -> None:
        for delay in (*FETCH_DELAYS_S, None):
            try:
                raw = await self._blobs.fetch(blob)
                spec = await asyncio.to_thread(_canonical_object, raw)
            except (BlobError, NotCanonical) as error:
                if delay is None or isinstance(error, NotCanonical):
                    reason = f"the unit's parameters: {error}"
                    await self._events.put(ev.SpecUnavailable(lease, reason))
                    return
                await asyncio.sleep(delay)
            else:
                await self._events.put(ev.SpecFetched(lease, spec))
                return

    async def _upload(self, lease: str) -> None:
        result = await self._on_disk(lambda: self._queue.result(lease))
        try:
            blob = await self._blobs.upload(result)
        except BlobError as error:
            await self._events.put(ev.UploadFailed(lease, str(error), error.refused))
        else:
            await self._events.put(ev.ResultUploaded(lease, blob))

    async def _publish(self, delivery: int, leases: tuple[str, ...], sign: bool) -> None:
        event = None if sign else self._signed.get(delivery)
        if event is None:
            outcomes = await self._on_disk(lambda: [self._queue.outcome(each) for each in leases])
            event = self._envelope.results(outcomes, time.time())
            self._keep(delivery, event)
        answers = await self._pool.publish(event, timeout_s=PUBLISH_TIMEOUT_S)
        acknowledged = any(answer.is_accepted for answer in answers.values())
        if not acknowledged:
            _log.warning("no relay took the results in event %s: %s", event.id, answers)
        await self._events.put(ev.PublishEnded(delivery, acknowledged))

    def _keep(self, delivery: int, event: Event) -> None:
        oldest = time.time() - RESIGN_AFTER_S
        self._signed = {
            number: kept for number, kept in self._signed.items() if kept.created_at >= oldest
        }
        self._signed[delivery] = event

    def _send_work_request(self, request: WorkRequest) -> None:
        # The newest says everything that an older one would have said.
        if self._request is not None:
            self._request.cancel()
        event = self._envelope.work_request(request, time.time())
        self._request = self._spawn(self._publish_request(event))

    async def _publish_request(self, event: Event) -> None:
        await self._pool.publish(event, timeout_s=REQUEST_TIMEOUT_S)

    # -- helpers ---------------------------------------------------------------------------------

    async def _on_disk(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, call)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a task of the node failed", exc_info=task.exception())

    async def _close(self, watch: asyncio.Task[None]) -> None:
        tasks = [watch, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._workers.close()
        await self._pool.close()
        await self._blobs.close()
        with contextlib.suppress(asyncio.CancelledError):
            await self._on_disk(self._queue.close)
        self._disk.shutdown()


def _canonical_object(raw: bytes) -> bytes:
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise NotCanonical("a unit's parameters are an object")
    return canonical_json(value)
