"""Random histories of a market on a real Postgres: whatever happens, the books and the log hold.

`open_desk` audits the whole trail and checks the ledger's invariants after each history. A failing
seed is in the test's name.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest
from newral_testing.desk import Desk, Node, Requester, open_desk, working

from newral_spec.kinds import Kind
from newral_spec.messages import FINAL_PHASES, Lease, UnitResult

STEPS = 40
JOBS: list[dict[str, Any]] = [
    {"kernel": "carmichael", "params": {"bound": "10^4"}},
    {"kernel": "bpsw", "params": {"start": "2^64", "stop": "2^64+2000"}},
    {
        "workflow": [
            {"id": "a", "kernel": "carmichael", "params": {"bound": "2*10^3"}},
            {"id": "b", "kernel": "korselt", "foreach": "a"},
        ]
    },
    {"kernel": "carmichael", "params": {"bound": "0"}},
]


def spoil(_lease: Lease, result: dict[str, Any]) -> dict[str, Any]:
    """A result of the right shape that leaves things out, or a wrong one."""
    if "items" in result:
        return {**result, "items": [], "count": 0, "checked": 0}
    return {**result, "tested": 1}


class History:
    """One random history."""

    def __init__(self, desk: Desk, rng: Random) -> None:
        self.desk = desk
        self.rng = rng
        self.requesters = [Requester(desk, 100), Requester(desk, 101)]
        self.nodes = [Node(desk, number) for number in range(2, 6)]
        self.jobs: list[tuple[Requester, str]] = []
        self.delivered: list[tuple[Node, Lease, UnitResult]] = []

    async def step(self) -> None:
        """Do one thing at random."""
        actions = [self.post, self.ask, self.ask, self.answer, self.answer, self.answer]
        actions += [self.cheat, self.fail, self.repeat, self.cancel, self.wait, self.restart]
        await self.rng.choice(actions)()
        await asyncio.sleep(self.rng.random() * 0.03)

    async def post(self) -> None:
        requester = self.rng.choice(self.requesters)
        self.jobs.append((requester, await requester.post(self.rng.choice(JOBS))))

    async def ask(self) -> None:
        await self.rng.choice(self.nodes).ask(self.rng.randrange(4))

    async def open_lease(self) -> tuple[Node, Lease] | None:
        """Some lease that is not answered."""
        node = self.rng.choice(self.nodes)
        await node.poll()
        waiting = [lease for lease in node.leases.values() if lease.id not in node.answered]
        return (node, self.rng.choice(waiting)) if waiting else None

    async def answer(self) -> None:
        if (found := await self.open_lease()) is not None:
            node, lease = found
            nonce = self.rng.randbytes(32).hex()
            result = UnitResult(lease=lease.id, nonce=nonce, result=await node.compute(lease))
            node.answered.add(lease.id)
            self.delivered.append((node, lease, result))
            await node.deliver(lease, result)

    async def cheat(self) -> None:
        if (found := await self.open_lease()) is not None:
            node, lease = found
            await node.answer(lease, spoil(lease, await node.compute(lease)))

    async def fail(self) -> None:
        if (found := await self.open_lease()) is not None:
            await found[0].answer(found[1], failed="the machine is on fire")

    async def repeat(self) -> None:
        if self.delivered:
            node, lease, result = self.rng.choice(self.delivered)
            await node.deliver(lease, result)

    async def cancel(self) -> None:
        if self.jobs and self.rng.random() < 0.3:
            requester, job = self.rng.choice(self.jobs)
            await requester.sign(Kind.DELETION, "", ("e", job))

    async def wait(self) -> None:
        self.desk.clock.ahead += self.rng.choice([1, 10, 50, 200])

    async def restart(self) -> None:
        await self.desk.kill()
        self.desk.start()

    async def finish(self) -> None:
        """Let honest nodes, some of them new, bring every job to an end."""
        for node in self.nodes:
            node.answered.update(node.leases)
        self.desk.clock.ahead += self.desk.policy.lease_seconds_min + 1
        async with working(*(Node(self.desk, number) for number in range(6, 12))):
            for _, job in self.jobs:
                await self.desk.until(
                    lambda job=job: any(f.phase in FINAL_PHASES for f in self.desk.feedback(job)),
                    f"an end of {job}",
                )


@pytest.mark.parametrize("seed", range(8))
async def test_any_history_ends_with_sound_books_and_a_clean_audit(
    postgres_dsn: str, tmp_path: Path, seed: int
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        history = History(desk, Random(seed))
        await history.post()
        for _ in range(STEPS):
            await history.step()
        await history.finish()
        open_units = await desk.rows(
            "SELECT count(*) FROM coordinator.units WHERE state NOT IN ('accepted', 'abandoned')"
        )
        assert open_units == [(0,)]
        twice = await desk.rows(
            "SELECT unit, provider FROM coordinator.leases"
            " WHERE state = 'revealed' GROUP BY unit, provider HAVING count(*) > 1"
        )
        assert twice == []
