"""Uploads that a coordinator does not want."""

from __future__ import annotations

from pathlib import Path

from newral_testing.desk import Node, Requester, open_desk

from newral_coordinator.permissions import RESERVE_BYTES, UploadPermission
from newral_coordinator.policy import Policy
from newral_coordinator.reader import Reader

SMALL = {"kernel": "carmichael", "params": {"bound": "3000"}}
NAME = "ab" * 32


async def test_only_who_has_a_lease_may_upload_and_only_while_there_is_room(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        node, stranger = Node(desk, 2), Node(desk, 3)
        await Requester(desk).post(SMALL)
        await node.ask(1)
        await node.lease()
        reader = Reader(desk.dsn)
        free = RESERVE_BYTES + 100
        may_upload = UploadPermission(reader, Policy(upload_bytes_max=1000), lambda: free)
        assert await may_upload(node.key, NAME, 100) is None
        assert "no" in str(await may_upload(stranger.key, NAME, 100))
        assert "keeps the room" in str(await may_upload(node.key, NAME, 101))
        assert "at most 1000" in str(await may_upload(node.key, NAME, 1001))
        await reader.close()
