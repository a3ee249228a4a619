"""Blobs as files: `<directory>/ab/cd/<sha256>`."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Final

from newral_coordinator.blobs.store import BlobMismatch, BlobNotFound, BlobTooLarge
from newral_spec import keys, limits
from newral_spec.messages.fields import BlobRef

CHUNK_BYTES: Final = 256 * 1024
"""What is read at a time: large enough that handing it to a thread costs little beside it."""

_INCOMING: Final = "incoming"
_MODE: Final = 0o444  # what is named by its hash is never written again


class DiskBlobStore:
    """A `BlobStore` in a directory that one process has to itself.

    A blob is written to a file beside the others, synced, and renamed into place: a crash leaves
    it whole or leaves a temporary file, which the next start removes.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / _INCOMING
        self._incoming.mkdir(parents=True, exist_ok=True)
        for leftover in self._incoming.iterdir():
            leftover.unlink()

    async def put(
        self,
        data: bytes | AsyncIterator[bytes],
        *,
        expected_sha256: str | None = None,
        size_max: int = limits.BLOB_BYTES_MAX,
    ) -> BlobRef:
        """See `BlobStore.put`. Raises `OSError` too, when the disk is full."""
        incoming = _Incoming(self._incoming, size_max)
        try:
            if isinstance(data, bytes):
                await asyncio.to_thread(incoming.write, data)
            else:
                async for chunk in data:
                    await asyncio.to_thread(incoming.write, chunk)
            ref = incoming.ref()
            if expected_sha256 is not None:
                _verify(expected_sha256, ref.sha256)
        except BaseException:
            incoming.discard()
            raise
        # Shielded: a caller that gives up must not close the file under the thread that syncs it.
        await asyncio.shield(asyncio.to_thread(incoming.commit, self._path(ref.sha256)))
        return ref

    async def get(self, sha256: str) -> bytes:
        """See `BlobStore.get`."""
        return await asyncio.to_thread(self._read, sha256)

    async def open(
        self, sha256: str, start: int = 0, stop: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See `BlobStore.open`."""
        size = await self.size(sha256)
        if size is None:
            raise BlobNotFound(sha256)
        end = size if stop is None else min(stop, size)
        if start == 0 and end == size:
            return _whole(self._path(sha256), sha256)
        return _part(self._path(sha256), start, end)

    async def size(self, sha256: str) -> int | None:
        """See `BlobStore.size`."""
        return await asyncio.to_thread(self._size, sha256)

    def _path(self, sha256: str) -> Path:
        return self._directory / sha256[:2] / sha256[2:4] / sha256

    def _read(self, sha256: str) -> bytes:
        # The name comes from strangers: only a digest may become part of a path.
        if not keys.is_hex32(sha256):
            raise BlobNotFound(sha256)
        try:
            data = self._path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise BlobNotFound(sha256) from error
        _verify(sha256, hashlib.sha256(data).hexdigest())
        return data

    def _size(self, sha256: str) -> int | None:
        if not keys.is_hex32(sha256):
            return None
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            return None


class _Incoming:
    """A file being written: hashed, counted and bounded on the way. Used from one thread a time."""

    def __init__(self, directory: Path, size_max: int) -> None:
        descriptor, name = tempfile.mkstemp(dir=directory)
        self._path = Path(name)
        # Buffered, because closing it then waits for a write under way in another thread.
        self._file = os.fdopen(descriptor, "wb")
        self._digest = hashlib.sha256()
        self._size = 0
        self._size_max = size_max

    def write(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._size_max:
            raise BlobTooLarge(self._size_max)
        self._digest.update(chunk)
        self._file.write(chunk)

    def ref(self) -> BlobRef:
        return BlobRef(sha256=self._digest.hexdigest(), size=self._size)

    def commit(self, path: Path) -> None:
        """Make the file durable, then visible under its name."""
        try:
            with self._file as file:
                os.fchmod(file.fileno(), _MODE)
                file.flush()
                os.fsync(file.fileno())
            path.parent.mkdir(parents=True, exist_ok=True)
            self._path.replace(path)
        except BaseException:
            self.discard()
            raise
        for directory in path.parents[:3]:  # the entries of the file and of both directories
            _sync_directory(directory)

    def discard(self) -> None:
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # a full disk refuses the buffer that nobody wants
            self._file.close()


async def _whole(path: Path, sha256: str) -> AsyncGenerator[bytes, None]:
    """Every chunk, the last only when the digest is right: a damaged blob never looks complete."""
    digest = hashlib.sha256()
    held = b""
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            if held:
                yield held
            digest.update(chunk)
            held = chunk
    _verify(sha256, digest.hexdigest())
    if held:
        yield held


async def _part(path: Path, start: int, stop: int) -> AsyncGenerator[bytes, None]:
    with await asyncio.to_thread(path.open, "rb") as file:
        file.seek(start)
        while start < stop:
            chunk = await asyncio.to_thread(file.read, min(CHUNK_BYTES, stop - start))
            if not chunk:
                return
            start += len(chunk)
            yield chunk


def _verify(sha256: str, actual: str) -> None:
    if actual != sha256:
        raise BlobMismatch(sha256, actual)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
