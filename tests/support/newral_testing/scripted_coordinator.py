"""A coordinator that says exactly what a test tells it to say."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from newral_spec.canonical import canonical_json, sha256_hex
from newral_spec.event import Draft, Event, sign_draft
from newral_spec.keys import SecretKey
from newral_spec.messages import (
    STATUS_OF_PHASE,
    Announcement,
    BlobRef,
    Feedback,
    JobResult,
    Phase,
    encode_announcement,
    encode_feedback,
    encode_result,
)
from newral_spec.sealing import seal
from newral_spec.transport.relay_pool import RelayPool


class ScriptedCoordinator:
    """Publishes what it is told to, signed by `secret`."""

    def __init__(self, relays: Sequence[str], secret: SecretKey | None = None) -> None:
        self.secret = secret or SecretKey(secrets.token_bytes(32))
        self.pool = RelayPool(relays)

    @property
    def public_key(self) -> str:
        return self.secret.public_key

    async def __aenter__(self) -> Self:
        self.pool.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.pool.close()

    async def publish(self, draft: Draft, age_s: int = 0) -> Event:
        event = sign_draft(self.secret, draft, int(time.time()) - age_s)
        outcomes = await self.pool.publish(event)
        assert all(outcome.is_accepted for outcome in outcomes.values()), outcomes
        return event

    async def announce(self, relays: Sequence[str]) -> Event:
        return await self.publish(
            encode_announcement(
                Announcement(
                    name="scripted",
                    software="test",
                    kernels=(),
                    relays=tuple(relays),
                    blobs="http://127.0.0.1:9",
                    price=1,
                    quorum=1,
                )
            )
        )

    async def say(self, job: Event, phase: Phase, *, age_s: int = 0, **more: Any) -> Event:
        feedback = Feedback(
            request=job.id,
            requester=job.pubkey,
            phase=phase,
            status=STATUS_OF_PHASE[phase],
            **more,
        )
        return await self.publish(encode_feedback(feedback), age_s)

    async def answer(
        self,
        job: Event,
        value: Any,
        *,
        urls: tuple[str, ...] = (),
        encrypted: bool = False,
    ) -> Event:
        """The result: inline without `urls`, else named by its hash only."""
        raw = canonical_json(value)
        result = JobResult(
            request=job.id,
            requester=job.pubkey,
            blob=BlobRef(sha256_hex(raw), len(raw)),
            output="" if urls else raw.decode(),
            urls=urls,
            cost=1_500_000,
            log_size=7,
            encrypted=encrypted,
        )
        draft = encode_result(result)
        if encrypted:
            draft = seal(draft, self.secret, job.pubkey, secrets.token_bytes(32))
        return await self.publish(draft)
