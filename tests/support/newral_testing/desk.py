"""A coordinator on a real Postgres, with requesters and nodes that talk to its event log.

No relay stands between them: what a bridge would append, `Desk.send` appends, and what a bridge
would publish, the parties read from the topic `outbound`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import psycopg

from newral_coordinator.blobs import DiskBlobStore
from newral_coordinator.coordinator import Coordinator, CoordinatorConfig
from newral_coordinator.policy import Policy
from newral_kernels import registry
from newral_ledger import books
from newral_ledger import log as ledger_log
from newral_ledger.audit import AuditInputs, AuditReport, audit
from newral_ledger.audit.inputs import ClaimedBalances
from newral_relay_bridge.postgres_log import PostgresLog
from newral_spec.canonical import canonical_json, parse_json
from newral_spec.event import Event, parse_event, sign_draft, sign_event
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.messages import (
    Commitment,
    Declined,
    Feedback,
    Holding,
    JobResult,
    KernelOffer,
    Lease,
    Receipt,
    SealedResults,
    UnitResult,
    WorkRequest,
    commit,
    decode_feedback,
    decode_lease_offer,
    decode_receipt,
    decode_result,
    encode_sealed_results,
    encode_work_request,
    result_sha256,
)
from newral_spec.messages.fields import BlobRef
from newral_spec.postgres import migrate
from newral_spec.sealing import seal, unseal

PATIENCE_S = 30.0
"""How long a test waits for something that must happen."""


def secret(number: int) -> SecretKey:
    """The same key for the same number, in every run."""
    return SecretKey(number.to_bytes(32))


class Clock:
    """Real time, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Desk:
    """See `open_desk`."""

    def __init__(self, dsn: str, directory: Path, policy: Policy) -> None:
        self.dsn = dsn
        self.policy = policy
        self.clock = Clock()
        self.secret = secret(1)
        self.log = PostgresLog(dsn)
        self.blobs = DiskBlobStore(directory / "blobs")
        self.outbound: list[Event] = []
        self.workers: list[asyncio.Task[None]] = []
        """Nodes at work: when one fails, so does whatever waits for something to happen."""
        self._offset = -1
        self._reading = asyncio.Lock()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the coordinator, again if it was killed."""
        config = CoordinatorConfig(
            secret=self.secret, dsn=self.dsn, blobs_url="http://blobs", policy=self.policy
        )
        coordinator = Coordinator(
            config, self.log, self.blobs, registry, clock=self.clock, rng=Random(1)
        )
        self._stop.clear()
        self._task = asyncio.create_task(coordinator.run(self._stop))

    async def kill(self) -> None:
        """Stop the coordinator wherever it is, without letting it finish anything."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    async def close(self) -> None:
        """Stop gracefully; a failure inside the coordinator is raised here."""
        self._stop.set()
        if self._task is not None:
            await self._task
        await self.log.close()

    async def send(self, *events: Event) -> None:
        """Append verified events, as the bridge does."""
        await self.log.ingest("inbound", events)

    async def poll(self) -> None:
        """Read what the coordinator has published since the last time."""
        async with self._reading:
            for record in await self.log.read("outbound", self._offset, 1000):
                self._offset = record.offset
                event = msgspec.json.decode(record.value)["event"]
                self.outbound.append(parse_event(msgspec.json.encode(event)))

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Poll until the condition holds, and return what it returned."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for task in (self._task, *self.workers):
                if task is not None and task.done():
                    await task
            await self.poll()
            if found := condition():
                return found
            await self.log.wait("outbound", self._offset, 0.1)
        raise AssertionError(f"{what} did not happen in {PATIENCE_S} s")

    def published(self, kind: int, **tags: str) -> list[Event]:
        """Events of a kind that have all of these tags, in the order of publication."""
        return [
            event
            for event in self.outbound
            if event.kind == kind
            and all(value in event.values(name) for name, value in tags.items())
        ]

    def feedback(self, job: str) -> list[Feedback]:
        """Feedback on a job so far."""
        return [decode_feedback(event) for event in self.published(Kind.FEEDBACK, e=job)]

    async def phase(self, job: str, phase: str) -> Feedback:
        """Wait for a phase of a job."""

        def reached() -> Feedback | None:
            return next((item for item in self.feedback(job) if item.phase == phase), None)

        found = await self.until(reached, f"phase {phase} of {job}: {self.feedback(job)}")
        assert isinstance(found, Feedback)
        return found

    async def result(self, job: str) -> JobResult:
        """Wait for a job's result."""
        events = await self.until(
            lambda: self.published(Kind.JOB_RESULT, e=job), f"the result of {job}"
        )
        return decode_result(events[0])

    async def output(self, job: str) -> Any:
        """Wait for a job's result and read its output."""
        result = await self.result(job)
        data = result.output.encode() or await self.blobs.get(result.blob.sha256)
        return parse_json(data)

    async def balances(self) -> Mapping[str, books.Balance]:
        """Every account."""
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            return await books.balances(connection)

    async def rows(self, query: str) -> list[Any]:
        """The rows of a query."""
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            cursor = await connection.execute(query)  # type: ignore[call-overload]
            return list(await cursor.fetchall())

    async def audit(self) -> AuditReport:
        """Audit the whole trail, with everything that a relay might have lost still there."""
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            size, _ = await ledger_log.head(connection)
            entries = await ledger_log.entries(connection, 0, size)
            balances = await books.balances(connection)
        archived = await self.rows("SELECT encode(event_id, 'hex'), raw FROM bridge.archive")
        seals = await self.rows("SELECT event_id, event FROM coordinator.evidence")
        checkpoints = await self.rows("SELECT event FROM coordinator.checkpoints ORDER BY size")
        receipts = await self.rows("SELECT event FROM coordinator.receipts ORDER BY sequence")
        return audit(
            AuditInputs(
                coordinator=self.secret.public_key,
                entries=tuple(entries),
                checkpoints=tuple(parse_event(row[0]) for row in checkpoints),
                receipts=tuple(parse_event(row[0]) for row in receipts),
                events={row[0]: bytes(row[1]) for row in archived}
                | {row[0]: row[1].encode() for row in seals},
                claimed=ClaimedBalances(
                    size, {name: balance.posted for name, balance in balances.items()}
                ),
            )
        )

    async def check(self) -> None:
        """The invariants that hold whenever nothing is being applied."""
        assert (await self.audit()).differences == ()
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            assert await books.check_invariants(connection) == []
        errors = await self.rows(
            "SELECT event_id, outcome FROM coordinator.inbox WHERE outcome LIKE 'error%'"
        )
        assert errors == []
        twice = await self.rows(
            "SELECT lease FROM ledger.transfers WHERE reason = 'work' AND phase = 'posting'"
            " GROUP BY lease HAVING count(*) > 1"
        )
        assert twice == []


@asynccontextmanager
async def open_desk(dsn: str, directory: Path, policy: Policy | None = None) -> AsyncIterator[Desk]:
    """A running coordinator; its invariants are checked in the end."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await migrate(connection, "newral_relay_bridge", "newral_ledger", "newral_coordinator")
    desk = Desk(dsn, directory, policy or Policy())
    desk.start()
    try:
        yield desk
    finally:
        await desk.close()
    await desk.check()


class Requester:
    """Somebody who posts jobs."""

    def __init__(self, desk: Desk, number: int = 100) -> None:
        self.desk = desk
        self.secret = secret(number)

    async def sign(self, kind: int, content: str = "", *tags: tuple[str, ...]) -> Event:
        """Sign an event and send it."""
        event = sign_event(
            self.secret, kind=kind, content=content, tags=tags, created_at=int(self.desk.clock())
        )
        await self.desk.send(event)
        return event

    async def post(self, content: object, *tags: tuple[str, ...]) -> str:
        """Post a native job request and return its id."""
        text = content if isinstance(content, str) else msgspec.json.encode(content).decode()
        to = ("p", self.desk.secret.public_key)
        return (await self.sign(Kind.JOB_REQUEST, text, to, *tags)).id


class Node:
    """A provider whose computing happens in the test's process, as the test wants it."""

    def __init__(self, desk: Desk, number: int) -> None:
        self.desk = desk
        self.secret = secret(number)
        self.key = self.secret.public_key
        self.leases: dict[str, Lease] = {}
        self.answered: set[str] = set()
        self.rng = Random(number)
        self.corrupt: Callable[[Lease, dict[str, Any]], dict[str, Any]] | None = None
        """What a dishonest node does to a result before it commits to it."""

    async def ask(self, slots: int = 4, *, declined: Sequence[Declined] = ()) -> None:
        """Send a work request: that many more units, please, and not these."""
        await self.poll()
        holding = tuple(
            Holding(lease.id, "computed" if lease.id in self.answered else "started")
            for lease in list(self.leases.values())[-64:]
        )
        request = WorkRequest(
            slots=slots,
            cores=4,
            memory_bytes=8 * 1024**3,
            kernels=tuple(
                KernelOffer(kernel.name, kernel.version, registry.identity(kernel))
                for kernel in registry.kernels()
            ),
            holding=holding,
            declined=tuple(declined),
        )
        draft = encode_work_request(request, self.desk.secret.public_key)
        await self._send(draft)

    async def poll(self) -> list[Lease]:
        """Read offers; the leases that were not known."""
        await self.desk.poll()
        fresh: list[Lease] = []
        for event in self.desk.published(Kind.LEASE, p=self.key):
            for lease in decode_lease_offer(event, unseal(event, self.secret)).leases:
                if lease.id not in self.leases:
                    self.leases[lease.id] = lease
                    fresh.append(lease)
        return fresh

    async def lease(self) -> Lease:
        """Wait for a lease that is not answered yet."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            await self.poll()
            for lease in self.leases.values():
                if lease.id not in self.answered:
                    return lease
            await asyncio.sleep(0.02)
        raise AssertionError(f"no lease in {PATIENCE_S} s")

    async def spec(self, lease: Lease) -> Any:
        """The unit's parameters."""
        if lease.blob is not None:
            return parse_json(await self.desk.blobs.get(lease.blob.sha256))
        return lease.spec

    async def compute(self, lease: Lease) -> dict[str, Any]:
        """The unit's result, as this node would have it."""
        kernel = registry.get(lease.kernel, lease.version)
        result = kernel.run(
            await self.spec(lease), progress=lambda _: None, checkpoint=lambda _: None
        )
        return result if self.corrupt is None else self.corrupt(lease, result)

    async def answer(
        self, lease: Lease, result: dict[str, Any] | None = None, *, failed: str | None = None
    ) -> Event:
        """Commit to a result and send it."""
        nonce = self.rng.randbytes(32).hex()
        if failed is not None:
            unit_result = UnitResult(lease=lease.id, nonce=nonce, failed=failed)
        else:
            value = result if result is not None else await self.compute(lease)
            data = canonical_json(value)
            if len(data) > 24_000:
                blob: BlobRef = await self.desk.blobs.put(data)
                unit_result = UnitResult(lease=lease.id, nonce=nonce, blob=blob)
            else:
                unit_result = UnitResult(lease=lease.id, nonce=nonce, result=value)
        self.answered.add(lease.id)
        return await self.deliver(lease, unit_result)

    async def deliver(self, lease: Lease, result: UnitResult) -> Event:
        """Seal a result and send it."""
        digest = result_sha256(result)
        commitment = Commitment(
            lease=lease.id,
            unit=lease.unit,
            fence=lease.fence,
            commitment=commit(self.key, lease.unit, result.nonce, digest),
        )
        sealed = SealedResults(
            coordinator=self.desk.secret.public_key,
            expiration=int(self.desk.clock()) + 86400,
            commitments=(commitment,),
            results=(result,),
        )
        return await self._send(encode_sealed_results(sealed))

    async def _send(self, draft: Any) -> Event:
        sealed = seal(draft, self.secret, self.desk.secret.public_key, os.urandom(32))
        event = sign_draft(self.secret, sealed, int(self.desk.clock()))
        await self.desk.send(event)
        return event

    async def work(self, slots: int = 4) -> None:
        """Ask, compute, answer, until cancelled."""
        while True:
            await self.ask(slots)
            for _ in range(20):
                await self.poll()
                for lease in list(self.leases.values()):
                    if lease.id not in self.answered:
                        await self.answer(lease)
                await asyncio.sleep(0.02)

    def receipts(self) -> list[Receipt]:
        """Receipts so far."""
        return [decode_receipt(event) for event in self.desk.published(Kind.RECEIPT, p=self.key)]

    async def verdict(self, lease: Lease) -> Any:
        """Wait for the verdict on a lease."""

        def found() -> Any:
            for receipt in self.receipts():
                for verdict in receipt.verdicts:
                    if verdict.lease == lease.id:
                        return verdict
            return None

        return await self.desk.until(found, f"a verdict on lease {lease.id}")


@asynccontextmanager
async def working(*nodes: Node) -> AsyncIterator[None]:
    """Let nodes work meanwhile; a failure inside one is raised in the end."""
    tasks = [asyncio.create_task(node.work()) for node in nodes]
    workers = nodes[0].desk.workers
    workers.extend(tasks)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            workers.remove(task)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
