"""What follows a search: its findings are factored, examined, certified."""

from __future__ import annotations

from pathlib import Path

from newral_testing.desk import Node, Requester, open_desk, working

SEARCH = {
    "workflow": [
        {
            "id": "search",
            "kernel": "bpsw",
            "params": {"start": "2^64", "stop": "2^64+2000"},
        },
        {
            "id": "factors",
            "kernel": "factor",
            "foreach": "search",
            "when": {"stage": "search", "field": "hits", "test": "nonempty"},
        },
    ]
}
# What a search would hand on, with a Carmichael number among it.
CLAIMS = {
    "workflow": [
        {
            "id": "factors",
            "kernel": "factor",
            "params": {"items": [{"n": "561", "witness": 3}, "2^67-1", "2^89-1"]},
        },
        {"id": "examine", "kernel": "korselt", "foreach": "factors"},
        {"id": "certify", "kernel": "prime-certificate", "foreach": "factors"},
    ]
}


async def test_a_search_without_findings_has_no_follow_up(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        async with working(Node(desk, 2), Node(desk, 3)):
            output = await desk.output(await Requester(desk).post(SEARCH))
        assert output["hits"] == []
        assert await desk.rows("SELECT state FROM coordinator.stages WHERE name = 'factors'") == [
            ("skipped",)
        ]


async def test_findings_are_factored_examined_and_certified_by_one_provider(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        async with working(Node(desk, 2)):
            output = await desk.output(await Requester(desk).post(CLAIMS))
        assert output["examine"]["items"] == [{"n": "561", "factors": [3, 11, 17]}]
        assert [claim["n"] for claim in output["examine"]["rejected"]] == [
            str(2**67 - 1),
            str(2**89 - 1),
        ]
        assert output["certify"]["items"] == [
            {"n": "561", "factor": "3"},
            {"n": str(2**67 - 1), "witness": "3"},
            {"n": str(2**89 - 1), "steps": [{"base": 3, "primes": [2931542417]}]},
        ]
