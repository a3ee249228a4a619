"""The coordinator's side of a node's conversation, saying what a test tells it to say."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from newral_kernels import registry
from newral_spec.event import Draft, Event, sign_draft
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.messages import (
    Announcement,
    BlobRef,
    Lease,
    LeaseOffer,
    Receipt,
    SealedResults,
    Verdict,
    WorkRequest,
    decode_sealed_results,
    decode_work_request,
    encode_announcement,
    encode_lease_offer,
    encode_receipt,
    result_sha256,
)
from newral_spec.sealing import seal, unseal
from newral_spec.session import Filter
from newral_spec.transport import RelayPool

WAIT_S = 60.0


def lease(
    kernel: str, spec: dict[str, Any] | None = None, *, blob: BlobRef | None = None, **changes: Any
) -> Lease:
    """A lease of one unit that the node's own kernel would take."""
    implementation = registry.get(kernel)
    fields: dict[str, Any] = {
        "id": secrets.token_hex(32),
        "unit": secrets.token_hex(32),
        "job": secrets.token_hex(32),
        "fence": 1,
        "kernel": kernel,
        "version": implementation.version,
        "identity": registry.identity(implementation),
        "cost_s": 1.0,
        "deadline": int(time.time()) + 600,
        "time_limit_s": 300,
        "memory_bytes_max": 256 * 2**20,
        "upload_bytes_max": 2**20,
        "spec": spec,
        "blob": blob,
    }
    return Lease(**{**fields, **changes})


def bpsw_unit(width: int) -> dict[str, Any]:
    """A unit of kernel bpsw that takes about `width` microseconds."""
    return {"start": str(2**64), "stop": str(2**64 + 32 * width)}


class WorkGiver:
    """Hears what nodes say to `secret`'s key and answers as told."""

    def __init__(self, relay: str, secret: SecretKey | None = None) -> None:
        self.secret = secret or SecretKey(secrets.token_bytes(32))
        self.public_key = self.secret.public_key
        self.requests: list[WorkRequest] = []
        self.sealed: list[tuple[Event, SealedResults]] = []
        self._changed = asyncio.Event()
        self._pool = RelayPool([relay], on_event=self._hear)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        filters = Filter(
            kinds=(Kind.WORK_REQUEST, Kind.SEALED_RESULT), tags={"p": (self.public_key,)}
        )
        async with self._pool:
            await self._pool.subscribe("work", (filters,))
            yield

    def _hear(self, _subscription: str, event: Event) -> None:
        plaintext = unseal(event, self.secret)
        if event.kind == Kind.WORK_REQUEST:
            self.requests.append(decode_work_request(event, plaintext))
        else:
            self.sealed.append((event, decode_sealed_results(event, plaintext)))
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def request(self, condition: Callable[[WorkRequest], bool]) -> WorkRequest:
        """The next work request that satisfies `condition`."""
        seen = len(self.requests)

        def found() -> bool:
            return any(map(condition, self.requests[seen:]))

        await self.until(found)
        return next(filter(condition, self.requests[seen:]))

    async def results_of(self, wanted: Lease) -> tuple[Event, SealedResults, int]:
        """The first event with a result of the lease, and the result's place in it."""
        await self.until(lambda: self._place(wanted) is not None)
        place = self._place(wanted)
        assert place is not None
        return place

    def _place(self, wanted: Lease) -> tuple[Event, SealedResults, int] | None:
        return next(
            (
                (event, sealed, index)
                for event, sealed in self.sealed
                for index, result in enumerate(sealed.results)
                if result.lease == wanted.id
            ),
            None,
        )

    def commitments_of(self, wanted: Lease) -> set[str]:
        return {
            each.commitment
            for _, sealed in self.sealed
            for each in sealed.commitments
            if each.lease == wanted.id
        }

    async def say(self, draft: Draft) -> None:
        event = sign_draft(self.secret, draft, int(time.time()))
        answers = await self._pool.publish(event)
        assert all(answer.is_accepted for answer in answers.values()), answers

    async def offer(self, node: str, *leases: Lease, revoked: tuple[str, ...] = ()) -> None:
        draft = encode_lease_offer(LeaseOffer(leases=leases, revoked=revoked), node)
        await self.say(seal(draft, self.secret, node, secrets.token_bytes(32)))

    async def accept(self, node: str, wanted: Lease, *, microcredits: int = 1_500_000) -> None:
        """A receipt that accepts what the node returned for the lease."""
        _, sealed, index = await self.results_of(wanted)
        verdict = Verdict(
            lease=wanted.id,
            unit=wanted.unit,
            job=wanted.job,
            outcome="accepted",
            reason="proved",
            credits=microcredits,
            commitment=sealed.commitments[index].commitment,
            nonce=sealed.results[index].nonce,
            result_sha256=result_sha256(sealed.results[index]),
            position=7,
        )
        await self.say(encode_receipt(Receipt(provider=node, verdicts=(verdict,))))

    async def announce(self, blobs: str) -> None:
        await self.say(
            encode_announcement(
                Announcement(
                    name="work giver",
                    software="test",
                    kernels=(),
                    relays=(),
                    blobs=blobs,
                    price=1,
                    quorum=1,
                )
            )
        )
