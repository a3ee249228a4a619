"""What the handling of one input works with: one transaction, one moment, one set of rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from newral_coordinator.blobs.store import BlobStore
from newral_coordinator.executor import Executor
from newral_coordinator.instructions import Instruction
from newral_coordinator.jobs import Kernels
from newral_coordinator.permissions import PERMISSION, blob_permission
from newral_coordinator.policy import Policy
from newral_coordinator.stages import Blob
from newral_coordinator.store import Store
from newral_spec.canonical import JSON, parse_json
from newral_spec.keys import SecretKey


@dataclass(slots=True, kw_only=True)
class Scope:
    """`now` is in Unix seconds. `touched` collects the jobs that may be able to move on."""

    store: Store
    executor: Executor
    blobs: BlobStore
    kernels: Kernels
    policy: Policy
    secret: SecretKey
    now: int
    rng: Random
    blobs_url: str
    touched: set[str] = field(default_factory=set)

    async def run(self, instructions: list[Instruction]) -> None:
        """Carry out what was decided."""
        await self.executor.run(instructions)

    async def keep(self, *blobs: Blob) -> None:
        """Make sure of blobs before anything that names them is committed.

        A rollback leaves them behind unnamed, which is harmless: equal bytes have one name.
        """
        for blob in blobs:
            await self.blobs.put(blob.data, expected_sha256=blob.sha256)

    async def result_bytes(self, stored: bytes | None, sha256: str) -> bytes:
        """A result's canonical JSON, from the record or the blob store."""
        return stored if stored is not None else await self.blobs.get(sha256)

    def blob_url(self, sha256: str, *, private: bool) -> str:
        """Where to fetch a blob. The address of a private one carries the permission to read it."""
        url = f"{self.blobs_url}/{sha256}"
        return f"{url}?{PERMISSION}={blob_permission(self.secret, sha256)}" if private else url

    async def blob_json(self, sha256: str) -> JSON:
        """A blob that holds JSON."""
        return parse_json(await self.blobs.get(sha256))
