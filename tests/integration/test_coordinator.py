"""The coordinator on a real Postgres and a real event log, with scripted requesters and nodes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from newral_testing.desk import Node, Requester, open_desk, working

from newral_coordinator.coordinator import ForeignState
from newral_coordinator.policy import MICROCREDITS, Policy
from newral_spec import trail
from newral_spec.kinds import Kind
from newral_spec.messages import Lease, UnitResult

BOUND = "10^6"
COUNT = 43  # Carmichael numbers below 10^6
CARMICHAEL = {"kernel": "carmichael", "params": {"bound": BOUND}}
CARMILE = {
    "workflow": [
        {"id": "generate", "kernel": "carmichael", "params": {"bound": "10^7"}},
        {"id": "check", "kernel": "korselt", "foreach": "generate"},
        {
            "id": "merge",
            "kernel": "carmichael-merge",
            "params": {"bound": "10^7"},
            "foreach": "check",
        },
    ]
}


def lose_one(lease: Lease, result: dict[str, Any]) -> dict[str, Any]:
    """What a provider returns that leaves something out: no certificate shows it."""
    if lease.kernel != "carmichael":
        return result
    items = result["items"][1:]
    return {**result, "items": items, "count": len(items)}


async def test_a_job_is_computed_by_two_providers_and_both_are_paid(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        requester, one, two = Requester(desk), Node(desk, 2), Node(desk, 3)
        async with working(one, two):
            job = await requester.post(CARMICHAEL)
            output = await desk.output(job)
            await desk.phase(job, "completed")
            for node in (one, two):
                await node.verdict(next(iter(node.leases.values())))
        assert output["count"] == COUNT
        balances = await desk.balances()
        earned = [balances[trail.provider_account(node.key)].posted for node in (one, two)]
        assert earned[0] == earned[1] > 0
        result = await desk.result(job)
        assert result.cost == sum(earned)
        account = trail.requester_account(requester.secret.public_key)
        assert balances[account].posted == desk.policy.grant - result.cost
        assert balances[trail.escrow_account(job)].posted == 0


async def test_a_workflow_passes_outputs_from_stage_to_stage(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        async with working(Node(desk, 2), Node(desk, 3)):
            output = await desk.output(await Requester(desk).post(CARMILE))
        assert output["count"] == 105  # Carmichael numbers below 10^7
        assert output["by_magnitude"]["10^6"] == COUNT
        proved = await desk.rows(
            "SELECT stage, max(fence) FROM coordinator.units GROUP BY stage ORDER BY stage"
        )
        # What proves itself is computed once; the rest needs a second provider.
        assert proved == [("check", 1), ("generate", 2), ("merge", 1)]


async def test_a_stage_whose_condition_fails_is_skipped(postgres_dsn: str, tmp_path: Path) -> None:
    search = {"id": "search", "kernel": "carmichael", "params": {"start": "2", "bound": "500"}}
    condition = {"stage": "search", "field": "items", "test": "nonempty"}
    check = {"id": "check", "kernel": "korselt", "foreach": "search", "when": condition}
    async with open_desk(postgres_dsn, tmp_path) as desk:
        async with working(Node(desk, 2), Node(desk, 3)):
            output = await desk.output(await Requester(desk).post({"workflow": [search, check]}))
        assert output["count"] == 0
        assert await desk.rows("SELECT state FROM coordinator.stages WHERE name = 'check'") == [
            ("skipped",)
        ]


async def test_a_condition_that_holds_spawns_the_follow_up(
    postgres_dsn: str, tmp_path: Path
) -> None:
    search = {"id": "search", "kernel": "carmichael", "params": {"start": "2", "bound": "1000"}}
    condition = {"stage": "search", "field": "count", "test": "positive"}
    check = {"id": "check", "kernel": "korselt", "foreach": "search", "when": condition}
    async with open_desk(postgres_dsn, tmp_path) as desk:
        async with working(Node(desk, 2), Node(desk, 3)):
            output = await desk.output(await Requester(desk).post({"workflow": [search, check]}))
        assert [item["n"] for item in output["items"]] == ["561"]


async def test_a_wrong_result_is_outvoted_and_earns_nothing(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        liar, one, two = Node(desk, 2), Node(desk, 3), Node(desk, 4)
        liar.corrupt = lose_one
        job = await Requester(desk).post(CARMICHAEL)
        await liar.ask(1)
        lie = await liar.lease()
        await liar.answer(lie)
        async with working(one, two):
            assert (await desk.output(job))["count"] == COUNT
            verdict = await liar.verdict(lie)
        assert verdict.outcome == "rejected"
        assert verdict.credits == 0
        balances = await desk.balances()
        assert balances.get(trail.provider_account(liar.key), (0,))[0] == 0


async def test_a_result_that_refutes_itself_is_rejected_at_once(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        liar = Node(desk, 2)
        job = await Requester(desk).post(CARMICHAEL)
        await liar.ask(1)
        lease = await liar.lease()
        await liar.answer(lease, {"count": 1, "items": [{"n": "15", "factors": ["3", "5"]}]})
        assert (await liar.verdict(lease)).outcome == "rejected"
        async with working(Node(desk, 3), Node(desk, 4)):
            assert (await desk.output(job))["count"] == COUNT


async def test_a_late_result_earns_nothing(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        late = Node(desk, 2)
        job = await Requester(desk).post(CARMICHAEL)
        await late.ask(1)
        lease = await late.lease()
        desk.clock.ahead += desk.policy.lease_seconds_min + 1
        async with working(Node(desk, 3), Node(desk, 4)):
            await desk.output(job)
        await late.answer(lease)
        verdict = await late.verdict(lease)
        assert (verdict.outcome, verdict.credits) == ("refused", 0)


async def test_the_first_commitment_binds(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        fickle, honest = Node(desk, 2), Node(desk, 3)
        job = await Requester(desk).post(CARMICHAEL)
        await fickle.ask(1)
        lease = await fickle.lease()
        good = await fickle.compute(lease)
        await fickle.answer(lease, lose_one(lease, good))
        await fickle.answer(lease, good)
        async with working(honest, Node(desk, 4)):
            await desk.output(job)
        assert (await fickle.verdict(lease)).outcome == "rejected"


async def test_a_result_delivered_again_is_answered_again_and_paid_once(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        node, other = Node(desk, 2), Node(desk, 3)
        await Requester(desk).post(CARMICHAEL)
        await node.ask(1)
        lease = await node.lease()
        result = UnitResult(lease=lease.id, nonce="ab" * 32, result=await node.compute(lease))
        node.answered.add(lease.id)
        await node.deliver(lease, result)
        await other.ask(1)
        await other.answer(await other.lease())
        assert (await node.verdict(lease)).outcome == "accepted"
        desk.clock.ahead += 60
        await node.deliver(lease, result)
        await desk.until(lambda: len(node.receipts()) == 2, "a second receipt")
        balance = (await desk.balances())[trail.provider_account(node.key)]
        assert balance.posted == (await node.verdict(lease)).credits


async def test_another_providers_lease_cannot_be_answered(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        node, thief = Node(desk, 2), Node(desk, 3)
        await Requester(desk).post(CARMICHAEL)
        await node.ask(1)
        lease = await node.lease()
        event = await thief.answer(lease)
        await node.answer(lease)

        async def outcome() -> list[Any]:
            return await desk.rows(
                f"SELECT outcome FROM coordinator.inbox WHERE event_id = '{event.id}'"
            )

        async with asyncio.timeout(20):
            while not (rows := await outcome()):  # noqa: ASYNC110 - another connection writes it
                await asyncio.sleep(0.05)
        assert "another provider" in rows[0][0]
        assert trail.provider_account(thief.key) not in await desk.balances()


async def test_no_provider_gets_a_unit_twice(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        alone = Node(desk, 2)
        job = await Requester(desk).post(CARMICHAEL)
        await alone.ask(8)
        await alone.answer(await alone.lease())
        for _ in range(3):
            await alone.ask(8)
            await asyncio.sleep(0.2)
        await alone.poll()
        units = [lease.unit for lease in alone.leases.values()]
        assert len(units) == len(set(units))
        assert not desk.published(Kind.JOB_RESULT, e=job)


async def test_a_cancelled_job_pays_what_was_committed_and_refunds_the_rest(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        requester, node, idle = Requester(desk), Node(desk, 2), Node(desk, 3)
        job = await requester.post(CARMICHAEL)
        await node.ask(1)
        lease = await node.lease()
        await node.answer(lease)
        await idle.ask(1)
        revoked = await idle.lease()
        await requester.sign(Kind.DELETION, "", ("e", job), ("k", "5990"))
        await desk.phase(job, "cancelled")
        verdict = await node.verdict(lease)
        assert (verdict.outcome, verdict.credits > 0) == ("owed", True)
        balances = await desk.balances()
        account = trail.requester_account(requester.secret.public_key)
        assert balances[account].posted == desk.policy.grant - verdict.credits
        await idle.answer(revoked)
        assert (await idle.verdict(revoked)).outcome == "refused"


async def test_only_the_requester_cancels_its_job(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        job = await Requester(desk).post(CARMICHAEL)
        await Requester(desk, 101).sign(Kind.DELETION, "", ("e", job))
        async with working(Node(desk, 2), Node(desk, 3)):
            assert (await desk.output(job))["count"] == COUNT


async def test_a_job_ends_at_its_deadline(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        deadline = int(desk.clock()) + 100
        job = await Requester(desk).post({**CARMICHAEL, "deadline": deadline})
        await desk.phase(job, "accepted")
        desk.clock.ahead += 101
        await desk.phase(job, "expired")


async def test_a_unit_that_nobody_can_compute_fails_its_job(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path, Policy(failures_max=2)) as desk:
        job = await Requester(desk).post(CARMICHAEL)
        for number in (2, 3):
            node = Node(desk, number)
            await node.ask(1)
            await node.answer(await node.lease(), failed="out of memory")
        failed = await desk.phase(job, "failed")
        assert "out of memory" in failed.reason
        assert (await desk.balances())[trail.escrow_account(job)].posted == 0


async def test_an_offer_that_is_not_confirmed_is_repeated(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        node = Node(desk, 2)
        await Requester(desk).post(CARMICHAEL)
        await node.ask(1)
        lease = await node.lease()
        offers = len(desk.published(Kind.LEASE, p=node.key))
        desk.clock.ahead += desk.policy.reoffer_seconds
        await desk.until(
            lambda: len(desk.published(Kind.LEASE, p=node.key)) > offers, "a second offer"
        )
        await node.poll()
        assert list(node.leases) == [lease.id]


async def test_a_job_never_costs_more_than_its_bid(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path, Policy(price=1000 * MICROCREDITS)) as desk:
        requester = Requester(desk)
        job = await requester.post(CARMICHAEL, ("bid", "2", "credits"))
        node, other = Node(desk, 2), Node(desk, 3)
        await node.ask(1)
        lease = await node.lease()
        await node.answer(lease)
        await other.ask(1)
        # Its price is not covered twice, so no second provider is asked, and nobody works unpaid.
        failed = await desk.phase(job, "failed")
        assert "escrow" in failed.reason
        assert (await node.verdict(lease)).outcome == "owed"


@pytest.mark.parametrize("seed", range(3))
async def test_a_coordinator_killed_at_any_moment_loses_and_doubles_nothing(
    postgres_dsn: str, tmp_path: Path, seed: int
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        async with working(Node(desk, 2), Node(desk, 3)):
            job = await Requester(desk).post(CARMILE)
            for step in range(8):
                await asyncio.sleep(0.03 * (1 + (seed * 7 + step * 5) % 11))
                await desk.kill()
                desk.start()
            assert (await desk.output(job))["count"] == 105
        accepted = await desk.rows("SELECT count(*) FROM coordinator.units WHERE state='accepted'")
        planned = await desk.rows("SELECT sum(planned) FROM coordinator.stages")
        assert accepted[0][0] == planned[0][0]
        completed = desk.published(Kind.JOB_RESULT, e=job)
        assert len({event.id for event in completed}) == 1


async def test_new_rules_are_stated_and_judged_by(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        async with working(Node(desk, 2), Node(desk, 3)):
            await desk.output(await Requester(desk).post(CARMICHAEL))
        await desk.kill()
        desk.policy = Policy(quorum=1, price=5 * MICROCREDITS)
        desk.start()
        # What the nodes had last said is read now; then they are gone.
        await desk.phase(await Requester(desk).post({"kernel": "nonesuch"}), "refused")
        desk.clock.ahead += desk.policy.lost_seconds + 1
        async with working(Node(desk, 4)):
            await desk.output(await Requester(desk).post(CARMICHAEL))
        await desk.kill()
        desk.start()
        await desk.phase(await Requester(desk, 101).post({"kernel": "nonesuch"}), "refused")
        stated = await desk.rows(
            "SELECT count(*) FROM ledger.log_entries"
            " WHERE convert_from(raw, 'utf8')::jsonb ->> 'type' = 'policy'"
        )
        assert stated == [(2,)]


async def test_another_coordinators_database_is_left_alone(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        await desk.phase(await Requester(desk).post({"kernel": "nonesuch"}), "refused")
        await desk.kill()
        ours, desk.secret = desk.secret, Requester(desk).secret
        desk.start()
        with pytest.raises(ForeignState, match=ours.public_key):
            await desk.phase("00" * 32, "accepted")
        desk.secret = ours
        desk.start()
