"""Requesters and nodes that want to take more of a coordinator than is theirs."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from newral_testing.desk import Desk, Node, Requester, open_desk, working

from newral_coordinator.coordinator import TICK_S
from newral_coordinator.handlers import timers
from newral_coordinator.policy import Policy
from newral_spec import limits
from newral_spec.event import sign_draft
from newral_spec.kinds import Kind
from newral_spec.messages import KernelOffer, UnitResult, WorkRequest, encode_work_request
from newral_spec.sealing import seal

CARMICHAEL = {"kernel": "carmichael", "params": {"bound": "10^14"}}
"""40 units."""

SMALL = {"kernel": "carmichael", "params": {"bound": "3000"}}
"""One unit, which needs two providers."""

PROVED = {"kernel": "korselt", "params": {"items": [{"n": "561", "factors": [3, 11, 17]}]}}
"""One unit, whose result proves itself."""


async def handled(desk: Desk, event_id: str) -> str:
    """Wait until an input was handled, and return its outcome."""
    query = f"SELECT outcome FROM coordinator.inbox WHERE event_id = '{event_id}'"
    async with asyncio.timeout(20):
        while not (rows := await desk.rows(query)):  # noqa: ASYNC110 - another connection writes it
            await asyncio.sleep(0.05)
    return str(rows[0][0])


async def request_work(desk: Desk, node: Node, request: WorkRequest) -> str:
    """Send a work request as it is; its outcome."""
    coordinator = desk.secret.public_key
    draft = seal(
        encode_work_request(request, coordinator), node.secret, coordinator, os.urandom(32)
    )
    event = sign_draft(node.secret, draft, int(desk.clock()))
    await desk.send(event)
    return await handled(desk, event.id)


async def active_leases(desk: Desk, node: Node) -> int:
    """How many leases the node has."""
    rows = await desk.rows(
        "SELECT count(*) FROM coordinator.leases"
        f" WHERE provider = '{node.key}' AND state IN ('offered', 'started')"
    )
    return int(rows[0][0])


async def test_a_node_cannot_hoard_leases(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        requester, hoarder = Requester(desk), Node(desk, 2)
        for job in [await requester.post(CARMICHAEL, ("n", str(i))) for i in range(3)]:
            await desk.phase(job, "accepted")
        for _ in range(4):
            await hoarder.ask(limits.SLOTS_MAX)
            await asyncio.sleep(0.5)
        assert await active_leases(desk, hoarder) == limits.LEASES_MAX


async def test_a_heartbeat_extends_no_deadline(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        idler = Node(desk, 2)
        await Requester(desk).post(SMALL)
        await idler.ask(1)
        lease = await idler.lease()
        for _ in range(4):
            desk.clock.ahead += 40
            await idler.ask(0)
            await asyncio.sleep(0.2)
        assert desk.clock() > lease.deadline
        await idler.answer(lease)
        assert (await idler.verdict(lease)).outcome == "refused"


async def test_a_verdict_is_repeated_at_most_once_a_minute_and_kept_once(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        node = Node(desk, 2)
        await Requester(desk).post(PROVED)
        await node.ask(1)
        lease = await node.lease()
        result = UnitResult(lease=lease.id, nonce="ab" * 32, result=await node.compute(lease))
        await node.deliver(lease, result)
        await node.verdict(lease)
        for _ in range(5):
            event = await node.deliver(lease, result)
            assert await handled(desk, event.id) == "repeated"
        await desk.poll()
        assert len(node.receipts()) == 1
        desk.clock.ahead += 60
        for _ in range(5):
            await node.deliver(lease, result)
        await desk.until(lambda: len(node.receipts()) == 2, "a second receipt")
        assert await desk.rows("SELECT count(*) FROM coordinator.receipts") == [(1,)]


async def test_heartbeats_and_throw_away_keys_are_forgotten(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        worker = Node(desk, 2)
        job = await Requester(desk).post(PROVED)
        async with working(worker):
            await desk.output(job)
        request = WorkRequest(slots=1, cores=1, memory_bytes=1, kernels=())
        for number in range(3, 8):
            # The last one is handled after all that the worker has sent.
            assert await request_work(desk, Node(desk, number), request) == "heard"
        desk.clock.ahead += desk.policy.memory_seconds + 120
        query = "SELECT key FROM coordinator.providers"
        async with asyncio.timeout(20):
            while await desk.rows(query) != [(worker.key,)]:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.1)
        assert await desk.rows("SELECT * FROM coordinator.inbox WHERE ephemeral") == []
        assert len(await desk.rows("SELECT * FROM coordinator.inbox")) >= 2


async def test_a_work_request_takes_little_room(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        node = Node(desk, 2)
        offers = tuple(KernelOffer("x", "1", f"{i:064x}") for i in range(256))
        request = WorkRequest(
            slots=1, cores=1, memory_bytes=2**53 - 1, kernels=offers, agent="a\0b"
        )
        assert await request_work(desk, node, request) == "heard"
        rows = await desk.rows("SELECT length(request::text) FROM coordinator.providers")
        assert rows[0][0] < 500


async def test_the_active_jobs_of_one_key_are_bounded(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path, Policy(jobs_per_requester_max=2)) as desk:
        greedy, other = Requester(desk), Requester(desk, 101)
        first, second, third = [await greedy.post(SMALL, ("n", str(i))) for i in range(3)]
        await desk.phase(second, "accepted")
        assert (await desk.phase(third, "refused")).code == "too_many_jobs"
        await desk.phase(await other.post(SMALL), "accepted")
        await greedy.sign(Kind.DELETION, "", ("e", first), ("k", "5990"))
        await desk.phase(first, "cancelled")
        await desk.phase(await greedy.post(SMALL, ("n", "4")), "accepted")


async def test_a_cancellation_that_names_much_cancels_once_and_only_its_authors_jobs(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        thief, victim = Requester(desk), Requester(desk, 101)
        mine, theirs = await thief.post(SMALL), await victim.post(SMALL)
        await desk.phase(theirs, "accepted")
        names = [mine, theirs, "a\0b", "", mine.upper(), *(f"{i:064x}" for i in range(400)), mine]
        tags = [("e", name) for name in names]
        first = await thief.sign(Kind.DELETION, "", *tags)
        second = await thief.sign(Kind.DELETION, "again", *tags)
        assert await handled(desk, first.id) == "cancelled 1"
        assert await handled(desk, second.id) == "cancelled 0"
        async with working(Node(desk, 2), Node(desk, 3)):
            assert (await desk.output(theirs))["count"] == 5


async def test_a_reason_with_a_nul_is_a_reason(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        node = Node(desk, 2)
        await Requester(desk).post(SMALL)
        await node.ask(1)
        lease = await node.lease()
        await node.answer(lease, failed="out of\0memory")
        assert (await node.verdict(lease)).outcome == "rejected"


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: ({**SMALL}, ("relays", "ws://a\0b")),
        lambda: (
            {
                "workflow": [
                    {"id": "a", **SMALL},
                    {"id": "b", **SMALL, "when": {"stage": "a", "field": "\0", "test": "empty"}},
                ]
            },
        ),
    ],
)
async def test_a_request_with_a_nul_is_refused_as_malformed(
    postgres_dsn: str, tmp_path: Path, request_of: Any
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        refused = await desk.phase(await Requester(desk).post(*request_of()), "refused")
        assert refused.code in ("relays", "params")


async def test_units_that_nobody_can_take_hold_up_no_other_job(
    postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "UNITS_PER_ASSIGNMENT", 1)
    async with open_desk(postgres_dsn, tmp_path) as desk:
        alone, requester = Node(desk, 2), Requester(desk)
        for job in [await requester.post(SMALL, ("n", str(i))) for i in range(5)]:
            await desk.phase(job, "accepted")
        async with working(alone):
            await desk.until(lambda: len(alone.answered) == 5, "a result for every job")


async def test_a_coordinator_that_was_away_calls_nobody_silent(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        node = Node(desk, 2)
        await Requester(desk).post(PROVED)
        await node.ask(1)
        lease = await node.lease()
        await node.ask(0)
        await desk.kill()
        desk.clock.ahead += desk.policy.lost_seconds + 1
        desk.start()
        await asyncio.sleep(2 * TICK_S)
        await node.answer(lease)
        assert (await node.verdict(lease)).outcome == "accepted"


async def test_nobody_is_silent_while_nobody_can_be_heard(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        node, other = Node(desk, 2), Node(desk, 3)
        await Requester(desk).post(PROVED)
        await node.ask(1)
        lease = await node.lease()
        # The only relay is away for longer than a silent node would be waited for.
        desk.clock.ahead += desk.policy.lost_seconds + 10
        await other.ask(0)
        await asyncio.sleep(2 * TICK_S)
        await node.answer(lease)
        assert (await node.verdict(lease)).outcome == "accepted"


async def test_who_is_silent_while_others_are_heard_loses_its_leases(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        gone, other = Node(desk, 2), Node(desk, 3)
        await Requester(desk).post(PROVED)
        await gone.ask(1)
        lost = await gone.lease()
        for _ in range(4):
            desk.clock.ahead += 20
            await other.ask(1)
            await asyncio.sleep(1.5 * TICK_S)
        assert (await other.lease()).unit == lost.unit
        await other.answer(await other.lease())
