"""A node that declines a unit may only be busy, paused or stopping: later it is asked again."""

from __future__ import annotations

from pathlib import Path

from newral_testing.desk import Desk, Node, Requester, open_desk, working

from newral_coordinator.policy import Policy
from newral_spec.messages import Declined

ONE_UNIT = {"kernel": "korselt", "params": {"items": [{"n": "561", "factors": [3, 11, 17]}]}}


async def states(desk: Desk) -> list[str]:
    """The states of all leases, in the order in which they were granted."""
    rows = await desk.rows("SELECT state FROM coordinator.leases ORDER BY fence")
    return [row[0] for row in rows]


async def test_a_declined_unit_comes_again_when_nobody_else_is_there(
    postgres_dsn: str, tmp_path: Path
) -> None:
    policy = Policy()
    async with open_desk(postgres_dsn, tmp_path, policy) as desk:
        job = await Requester(desk).post(ONE_UNIT)
        node = Node(desk, 2)
        await node.ask()
        lease = await node.lease()
        node.leases.clear()
        node.answered.add(lease.id)  # what is offered again is not taken
        await node.ask(declined=[Declined(lease.id, "the node is paused")])
        refused = await Requester(desk, 101).post({"kernel": "nonesuch"})
        await desk.phase(refused, "refused")
        assert await states(desk) == ["refused"]

        desk.clock.ahead += policy.refused_seconds + 1
        async with working(node):
            assert (await desk.output(job))["checked"] == 1
        assert await states(desk) == ["refused", "revealed"]
