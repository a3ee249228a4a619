"""Results that are made to harm the coordinator, its jobs or other providers."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from newral_testing.desk import Node, Requester, open_desk, working

from newral_coordinator.blobs import BlobNotFound
from newral_coordinator.permissions import ReadPermission
from newral_coordinator.reader import Reader
from newral_spec.canonical import canonical_json
from newral_spec.limits import INLINE_RESULT_BYTES_MAX
from newral_spec.messages import UnitResult
from newral_spec.messages.fields import BlobRef
from newral_spec.nips import nip44

LARGE = {
    "kernel": "korselt",
    "params": {
        "items": [{"n": str(10**90 + i), "factors": [3, 11, 17]} for i in range(250)],
    },
}
"""A job whose only unit has a result of more than `INLINE_RESULT_BYTES_MAX` bytes."""

NONCE = "ab" * 32


async def test_a_result_too_large_to_be_inline_is_rejected_and_the_job_goes_on(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        rude, honest = Node(desk, 2), Node(desk, 3)
        job = await Requester(desk).post(LARGE)
        await rude.ask(1)
        lease = await rude.lease()
        result = await rude.compute(lease)
        assert len(canonical_json(result)) > INLINE_RESULT_BYTES_MAX
        rude.answered.add(lease.id)
        await rude.deliver(lease, UnitResult(lease=lease.id, nonce=NONCE, result=result))
        verdict = await rude.verdict(lease)
        assert (verdict.outcome, verdict.credits) == ("rejected", 0)
        assert "travels as a blob" in verdict.reason
        async with working(honest):
            assert (await desk.output(job))["checked"] == 250


@pytest.mark.parametrize(
    ("mangle", "reason"),
    [
        (lambda data: b" " + data, "not canonical"),
        (lambda data: data + b"[" * 100, "not valid JSON"),
        (lambda _: b"[" * 10_000 + b"]" * 10_000, "not valid JSON"),
        (lambda _: b'{"a":1' + b"0" * 5000 + b"}", "not valid JSON"),
    ],
)
async def test_a_blob_that_is_not_the_canonical_result_is_rejected(
    postgres_dsn: str, tmp_path: Path, mangle: object, reason: str
) -> None:
    assert callable(mangle)
    async with open_desk(postgres_dsn, tmp_path) as desk:
        liar = Node(desk, 2)
        await Requester(desk).post(LARGE)
        await liar.ask(1)
        lease = await liar.lease()
        blob = await desk.blobs.put(mangle(canonical_json(await liar.compute(lease))))
        await liar.deliver(lease, UnitResult(lease=lease.id, nonce=NONCE, blob=blob))
        verdict = await liar.verdict(lease)
        assert verdict.outcome == "rejected"
        assert reason in verdict.reason


async def test_a_blob_of_another_size_than_it_is_said_to_have_is_not_read(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        liar, other = Node(desk, 2), Node(desk, 3)
        await Requester(desk).post(LARGE)
        stored = await desk.blobs.put(b"[" + b"0," * 100_000 + b"0]")
        for node, size, reason in (
            (liar, 10, "not 10"),
            (other, desk.policy.upload_bytes_max + 1, "not"),
        ):
            await node.ask(1)
            lease = await node.lease()
            blob = BlobRef(stored.sha256, size)
            await node.deliver(lease, UnitResult(lease=lease.id, nonce=NONCE, blob=blob))
            verdict = await node.verdict(lease)
            assert verdict.outcome == "rejected"
            assert reason in verdict.reason


async def test_a_result_that_names_no_stored_blob_is_rejected(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        liar = Node(desk, 2)
        await Requester(desk).post(LARGE)
        await liar.ask(1)
        lease = await liar.lease()
        await liar.deliver(
            lease, UnitResult(lease=lease.id, nonce=NONCE, blob=BlobRef("cd" * 32, 30_000))
        )
        assert (await liar.verdict(lease)).outcome == "rejected"


async def test_a_job_that_cannot_go_on_fails_alone(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        node, requester = Node(desk, 2), Requester(desk)
        read = desk.blobs.get
        seen: set[str] = set()

        async def lose(sha256: str) -> bytes:
            # A store that has a result when it is judged, and not when it is folded.
            if sha256 in seen:
                raise BlobNotFound(sha256)
            seen.add(sha256)
            return await read(sha256)

        doomed = await requester.post(LARGE)
        await node.ask(1)
        lease = await node.lease()
        result = await node.compute(lease)
        desk.blobs.get = lose  # type: ignore[method-assign]
        await node.answer(lease, result)
        failed = await desk.phase(doomed, "failed")
        assert "coordinator failed" in failed.reason
        desk.blobs.get = read  # type: ignore[method-assign]
        small = await requester.post({"kernel": "carmichael", "params": {"bound": "3000"}})
        async with working(node, Node(desk, 3)):
            assert (await desk.output(small))["count"] == 5


async def test_naming_a_blob_in_a_wrong_result_changes_nothing_about_who_may_read_it(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        liar, honest, requester = Node(desk, 2), Node(desk, 3), Requester(desk)
        key = nip44.conversation_key(requester.secret, desk.secret.public_key)
        content = nip44.encrypt(msgspec.json.encode(LARGE).decode(), key, os.urandom(32))

        async def lie(blob: BlobRef) -> None:
            await liar.ask(1)
            lease = await liar.lease()
            liar.answered.add(lease.id)
            await liar.deliver(lease, UnitResult(lease=lease.id, nonce=NONCE, blob=blob))
            assert (await liar.verdict(lease)).outcome == "rejected"

        public = await desk.blobs.put(b'{"some":"unit of a public job"}')
        job = await requester.post(content, ("encrypted",))
        await lie(public)
        async with working(honest):
            await desk.phase(job, "completed")
        rows = await desk.rows("SELECT output_sha256, output_size FROM coordinator.jobs")
        private = BlobRef(*rows[0])
        await requester.post({"kernel": "carmichael", "params": {"bound": "3000"}})
        await lie(private)

        reader = Reader(desk.dsn)
        may_read = ReadPermission(reader, desk.secret)
        assert await may_read(public.sha256, None)
        assert not await may_read(private.sha256, None)
        await reader.close()
