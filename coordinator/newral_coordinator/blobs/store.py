"""What a blob store does, whatever it keeps its bytes in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol

from newral_spec import limits
from newral_spec.messages.fields import BlobRef


class BlobError(Exception):
    """A blob could not be stored or served."""


class BlobNotFound(BlobError):
    """The store has no blob of this name."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"there is no blob {sha256[:64]!r}")


class BlobTooLarge(BlobError):
    """The bytes offered are more than were allowed."""

    def __init__(self, size_max: int) -> None:
        super().__init__(f"the blob has more than the {size_max} bytes allowed")


class BlobMismatch(BlobError):
    """The bytes do not have the SHA-256 that they are said to have."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(f"the blob's SHA-256 is {actual}, not {expected[:64]!r}")


class BlobStore(Protocol):
    """Bytes by their SHA-256, written once.

    Storing the same bytes again changes nothing. A blob is either there whole or not at all,
    whatever is interrupted. A name is 64 lower-case hexadecimal digits: under any other name there
    is no blob.
    """

    async def put(
        self,
        data: bytes | AsyncIterator[bytes],
        *,
        expected_sha256: str | None = None,
        size_max: int = limits.BLOB_BYTES_MAX,
    ) -> BlobRef:
        """Store the bytes durably.

        Raises `BlobTooLarge` beyond `size_max` bytes, `BlobMismatch` when their digest is not
        `expected_sha256`, and whatever the iterator raises; nothing is stored then.
        """
        ...

    async def get(self, sha256: str) -> bytes:
        """The whole blob, its digest verified. Raises `BlobNotFound`, `BlobMismatch`."""
        ...

    async def open(
        self, sha256: str, start: int = 0, stop: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` up to, and without, `stop`, in chunks; to the end by default.

        Raises `BlobNotFound` at once. The digest of a whole blob is verified on the way: the
        generator raises `BlobMismatch` instead of yielding the last chunk of a damaged one. Close
        it (`contextlib.aclosing`) where it may be left early.
        """
        ...

    async def size(self, sha256: str) -> int | None:
        """The blob's size in bytes, or None when there is none."""
        ...
