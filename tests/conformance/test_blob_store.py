"""What every blob store must do; one backend after the other."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from newral_coordinator.blobs import (
    BlobMismatch,
    BlobNotFound,
    BlobStore,
    BlobTooLarge,
    DiskBlobStore,
)

ABSENT = hashlib.sha256(b"never stored").hexdigest()
# Longer than a few chunks of any backend, and no multiple of a power of two.
LARGE = bytes(range(251)) * 4001


@pytest.fixture(params=["disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return {"disk": DiskBlobStore}[request.param](tmp_path)


async def pieces(data: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def read(store: BlobStore, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in await store.open(sha256, start, stop)])


@pytest.mark.parametrize("data", [b"", b"x", LARGE], ids=["empty", "one byte", "large"])
async def test_what_was_put_is_got_under_its_digest(store: BlobStore, data: bytes) -> None:
    ref = await store.put(data)
    assert ref.sha256 == hashlib.sha256(data).hexdigest()
    assert ref.size == len(data)
    assert await store.size(ref.sha256) == len(data)
    assert await store.get(ref.sha256) == data
    assert await read(store, ref.sha256) == data


async def test_a_stream_is_stored_like_its_bytes(store: BlobStore) -> None:
    ref = await store.put(pieces(LARGE), expected_sha256=hashlib.sha256(LARGE).hexdigest())
    assert ref.size == len(LARGE)
    assert await store.get(ref.sha256) == LARGE


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 1), (1, None), (300_000, 700_001), (len(LARGE) - 1, None), (5, 5), (0, 10**9)],
)
async def test_a_part_is_that_part(store: BlobStore, start: int, stop: int | None) -> None:
    ref = await store.put(LARGE)
    assert await read(store, ref.sha256, start, stop) == LARGE[start:stop]


async def test_an_absent_blob_is_reported_before_anything_is_read(store: BlobStore) -> None:
    assert await store.size(ABSENT) is None
    with pytest.raises(BlobNotFound):
        await store.get(ABSENT)
    with pytest.raises(BlobNotFound):
        await store.open(ABSENT)


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "ab", "A" * 64, "０" * 64, "g" * 64, "a" * 63 + "\n"]
)
async def test_no_name_but_a_digest_names_a_blob(store: BlobStore, name: str) -> None:
    assert await store.size(name) is None
    with pytest.raises(BlobNotFound):
        await store.get(name)
    with pytest.raises(BlobNotFound):
        await store.open(name)


async def test_putting_the_same_bytes_again_changes_nothing(store: BlobStore) -> None:
    first = await store.put(b"same")
    assert await store.put(pieces(b"same")) == first
    assert await store.get(first.sha256) == b"same"


async def test_bytes_of_another_digest_are_not_stored(store: BlobStore) -> None:
    with pytest.raises(BlobMismatch):
        await store.put(b"other", expected_sha256=ABSENT)
    assert await store.size(ABSENT) is None
    assert await store.size(hashlib.sha256(b"other").hexdigest()) is None


async def test_exactly_the_bytes_allowed_are_stored(store: BlobStore) -> None:
    assert (await store.put(LARGE, size_max=len(LARGE))).size == len(LARGE)


@pytest.mark.parametrize("streamed", [False, True])
async def test_more_bytes_than_allowed_are_not_stored(store: BlobStore, streamed: bool) -> None:
    data = pieces(LARGE) if streamed else LARGE
    with pytest.raises(BlobTooLarge):
        await store.put(data, size_max=len(LARGE) - 1)
    assert await store.size(hashlib.sha256(LARGE).hexdigest()) is None


async def test_a_stream_that_is_too_long_is_not_read_to_its_end(store: BlobStore) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(1000)

    with pytest.raises(BlobTooLarge):
        await store.put(endless(), size_max=10_000)
    assert taken <= 12


async def test_a_stream_that_breaks_leaves_nothing(store: BlobStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.put(broken())
    assert await store.size(hashlib.sha256(b"half").hexdigest()) is None


async def test_a_put_that_is_cancelled_leaves_nothing(store: BlobStore) -> None:
    reached = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield b"half"
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store.put(stalled()))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.size(hashlib.sha256(b"half").hexdigest()) is None


async def test_the_same_blob_can_be_put_by_many_at_once(store: BlobStore) -> None:
    refs = await asyncio.gather(*(store.put(pieces(LARGE)) for _ in range(8)))
    assert len(set(refs)) == 1
    assert await store.get(refs[0].sha256) == LARGE


async def test_a_reader_may_stop_early(store: BlobStore) -> None:
    ref = await store.put(LARGE)
    chunks = await store.open(ref.sha256)
    async for _ in chunks:
        break
    await chunks.aclose()
    assert await store.get(ref.sha256) == LARGE
