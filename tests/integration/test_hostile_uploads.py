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


async def test_a_lease_pays_for_few_blobs(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        node = Node(desk, 2)
        await Requester(desk).post(SMALL)
        await node.ask(1)
        first = await node.lease()
        reader = Reader(desk.dsn)
        may_upload = UploadPermission(reader, Policy(), lambda: 2 * RESERVE_BYTES)
        names = [f"{number:064x}" for number in range(5)]
        assert [await may_upload(node.key, name, 100) for name in names[:2]] == [None, None]
        assert "used up" in str(await may_upload(node.key, names[2], 100))
        # What was admitted may be sent again, and the next lease pays for itself.
        assert await may_upload(node.key, names[0], 100) is None
        await node.answer(first)
        await Requester(desk, 101).post(SMALL)
        await node.ask(1)
        await node.lease()
        assert [await may_upload(node.key, name, 100) for name in names[2:4]] == [None, None]
        assert "used up" in str(await may_upload(node.key, names[4], 100))
        await reader.close()
