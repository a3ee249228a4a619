"""Who may read and write which blob."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from newral_coordinator.policy import Policy
from newral_coordinator.reader import Reader
from newral_spec.keys import SecretKey

PERMISSION: Final = "permission"
"""The query parameter that carries the permission to read a private blob."""

RESERVE_BYTES: Final = 2**30
"""Of the disk, which uploads leave alone: the coordinator's own state may be on it too."""

UPLOADS_PER_LEASE: Final = 2
"""One result, and once more after a node has lost its work and computed something else."""

UPLOADERS_MAX: Final = 10_000
"""Providers whose uploads are remembered."""

_DOMAIN: Final = b"newral/blob-permission/1"


def blob_permission(secret: SecretKey, sha256: str) -> str:
    """What only the coordinator can make, and only those whom it told know."""
    return hmac.new(secret.to_bytes(), _DOMAIN + bytes.fromhex(sha256), hashlib.sha256).hexdigest()


class ReadPermission:
    """Who may read a blob: `http.app.create_app`'s `may_read`.

    Most blobs are for everybody. Receipts reveal the hashes of results, so a result of a private
    job, unless a public one had the same, is for those who were given the permission.
    """

    def __init__(self, reader: Reader, secret: SecretKey) -> None:
        self._reader = reader
        self._secret = secret

    async def __call__(self, sha256: str, permission: str | None) -> bool:
        """Whether this request, with the permission that it carries, may read the blob."""
        if permission is not None:
            return hmac.compare_digest(
                permission.encode(), blob_permission(self._secret, sha256).encode()
            )
        async with self._reader.snapshot() as store:
            return not await store.is_private_blob(sha256)


class UploadPermission:
    """Who may put blobs into the store: `http.app.create_app`'s `may_upload`.

    A lease bounds how large a blob may be, and how many there may be: without that, one lease would
    be enough to fill the disk with blobs that nobody ever names. What was admitted is remembered
    here, for the providers that uploaded last; a restart forgets it.
    """

    def __init__(self, reader: Reader, policy: Policy, free_bytes: Callable[[], int]) -> None:
        """`free_bytes` says how much room the blobs' disk has left."""
        self._reader = reader
        self._policy = policy
        self._free_bytes = free_bytes
        self._admitted: OrderedDict[str, set[tuple[str, str]]] = OrderedDict()
        """Leases and the hashes that they have paid for, by provider."""

    async def __call__(self, public_key: str, sha256: str, size: int) -> str | None:
        """None, or why this key may not store a blob of this size."""
        if size > self._policy.upload_bytes_max:
            return f"a lease allows uploads of at most {self._policy.upload_bytes_max} bytes"
        if self._free_bytes() - size < RESERVE_BYTES:
            return "the server keeps the room that it has left for itself"
        async with self._reader.snapshot() as store:
            leases = [lease.id for lease in await store.held_leases(public_key)]
        if not leases:
            return "only a provider with an open lease may upload, and this key has none"
        return self._admit(public_key, leases, sha256)

    def _admit(self, public_key: str, leases: Sequence[str], sha256: str) -> str | None:
        used = {
            (lease, name) for lease, name in self._admitted.get(public_key, ()) if lease in leases
        }
        if all(name != sha256 for _, name in used):
            counts = Counter(lease for lease, _ in used)
            lease = min(leases, key=lambda item: counts[item])
            if counts[lease] >= UPLOADS_PER_LEASE:
                return f"a lease allows {UPLOADS_PER_LEASE} uploads, and all of yours are used up"
            used.add((lease, sha256))
        self._admitted[public_key] = used
        self._admitted.move_to_end(public_key)
        if len(self._admitted) > UPLOADERS_MAX:
            self._admitted.popitem(last=False)
        return None
