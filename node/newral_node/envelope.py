"""Writing what goes to the coordinator: sealed to it, dated and signed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from newral_node.settings import RESULT_KEPT_S
from newral_spec.event import Draft, Event, sign_draft
from newral_spec.keys import SecretKey
from newral_spec.messages import (
    Commitment,
    Lease,
    SealedResults,
    UnitResult,
    WorkRequest,
    commit,
    encode_sealed_results,
    encode_work_request,
    result_sha256,
)
from newral_spec.sealing import seal


class Envelope:
    """Signs with the node's key, for one coordinator."""

    def __init__(
        self, secret: SecretKey, coordinator: str, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._secret = secret
        self._coordinator = coordinator
        self._random_bytes = random_bytes

    def work_request(self, request: WorkRequest, now: float) -> Event:
        """Kind 25990."""
        return self._sign(encode_work_request(request, self._coordinator), now)

    def results(self, outcomes: Iterable[tuple[Lease, UnitResult]], now: float) -> Event:
        """Kind 3990: one commitment for each outcome, and all of them encrypted."""
        outcomes = tuple(outcomes)
        sealed = SealedResults(
            coordinator=self._coordinator,
            expiration=int(now) + RESULT_KEPT_S,
            commitments=tuple(self._commitment(*outcome) for outcome in outcomes),
            results=tuple(result for _, result in outcomes),
        )
        return self._sign(encode_sealed_results(sealed), now)

    def _commitment(self, lease: Lease, result: UnitResult) -> Commitment:
        digest = result_sha256(result)
        opened = commit(self._secret.public_key, lease.unit, result.nonce, digest)
        return Commitment(lease=lease.id, unit=lease.unit, fence=lease.fence, commitment=opened)

    def _sign(self, draft: Draft, now: float) -> Event:
        sealed = seal(draft, self._secret, self._coordinator, self._random_bytes(32))
        return sign_draft(self._secret, sealed, int(now))
