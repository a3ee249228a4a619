"""What the disk does beyond the conformance suite: crashes, damage, a full disk."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from newral_coordinator.blobs import BlobMismatch, DiskBlobStore

DATA = os.urandom(700_000)
SHA256 = hashlib.sha256(DATA).hexdigest()

WRITER = """
import asyncio, sys
from pathlib import Path
from newral_coordinator.blobs import DiskBlobStore

async def slowly():
    while True:
        yield bytes(1000)
        print("wrote", flush=True)
        await asyncio.sleep(0)

asyncio.run(DiskBlobStore(Path(sys.argv[1])).put(slowly()))
"""


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def damage(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


async def test_a_blob_lies_under_its_digest_and_nobody_may_write_it(tmp_path: Path) -> None:
    await DiskBlobStore(tmp_path).put(DATA)
    path = tmp_path / SHA256[:2] / SHA256[2:4] / SHA256
    assert files(tmp_path) == [path]
    assert path.stat().st_mode & 0o777 == 0o444


async def test_blobs_outlive_the_process(tmp_path: Path) -> None:
    await DiskBlobStore(tmp_path).put(DATA)
    assert await DiskBlobStore(tmp_path).get(SHA256) == DATA


def test_a_killed_writer_leaves_no_blob_and_the_next_start_cleans_up(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        for _ in range(100):
            assert writer.stdout.readline() == b"wrote\n"
        writer.send_signal(signal.SIGKILL)
    assert len(files(tmp_path)) == 1
    DiskBlobStore(tmp_path)
    assert files(tmp_path) == []


@pytest.mark.parametrize("left", [DATA[:-1], DATA[:-1] + b"\0", b"", DATA + b"\0"])
async def test_a_damaged_blob_is_never_served_whole(tmp_path: Path, left: bytes) -> None:
    store = DiskBlobStore(tmp_path)
    await store.put(DATA)
    damage(tmp_path / SHA256[:2] / SHA256[2:4] / SHA256, left)
    with pytest.raises(BlobMismatch):
        await store.get(SHA256)
    served_bytes = 0

    async def serve() -> None:
        nonlocal served_bytes
        async for chunk in await store.open(SHA256):
            served_bytes += len(chunk)

    with pytest.raises(BlobMismatch):
        await serve()
    assert served_bytes < max(len(left), 1)


async def test_putting_a_damaged_blob_again_repairs_it(tmp_path: Path) -> None:
    store = DiskBlobStore(tmp_path)
    await store.put(DATA)
    damage(tmp_path / SHA256[:2] / SHA256[2:4] / SHA256, b"rot")
    await store.put(DATA)
    assert await store.get(SHA256) == DATA


async def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    store = DiskBlobStore(tmp_path)

    async def fills_up() -> AsyncIterator[bytes]:
        yield DATA
        # Take away what the file is to be renamed into, as a failing disk would.
        (tmp_path / SHA256[:2]).write_bytes(b"in the way")

    with pytest.raises(OSError, match=SHA256[:2]):
        await store.put(fills_up())
    assert files(tmp_path / "incoming") == []
