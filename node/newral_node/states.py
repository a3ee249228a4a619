"""What can become of a lease on the node's side: one table, and nothing outside of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class LeaseState(StrEnum):
    """Where a lease stands."""

    FETCHING = "fetching"
    """Taken; its unit's parameters are a blob that is on the way."""
    QUEUED = "queued"
    """Ready to be computed, from its checkpoint if it has one."""
    STARTED = "started"
    """A worker computes it."""
    COMPUTED = "computed"
    """Its result is stored, together with the nonce of its commitment."""
    UPLOADED = "uploaded"
    """Its result was too large for an event and is on the blob server."""
    FAILED = "failed"
    """It cannot be computed, for a reason that is stored and will be reported like a result."""
    SEALED = "sealed"
    """Its result, or the report of its failure, was handed to the relays."""
    ACKNOWLEDGED = "acknowledged"
    """A relay took it over."""
    SETTLED = "settled"
    """A receipt names it."""
    DECLINED = "declined"
    """The node will not compute it, and says why."""
    DROPPED = "dropped"
    """Given up before there was a result: revoked, or its deadline passed."""
    EXPIRED = "expired"
    """No receipt came for as long as relays were asked to keep the sealed result."""


_S = LeaseState

TRANSITIONS: Final[Mapping[LeaseState, tuple[LeaseState, ...]]] = MappingProxyType(
    {
        _S.FETCHING: (_S.QUEUED, _S.DECLINED, _S.DROPPED),
        _S.QUEUED: (_S.STARTED, _S.DROPPED),
        _S.STARTED: (_S.QUEUED, _S.COMPUTED, _S.FAILED, _S.DROPPED),
        _S.COMPUTED: (_S.UPLOADED, _S.SEALED, _S.FAILED, _S.SETTLED),
        _S.UPLOADED: (_S.SEALED, _S.SETTLED),
        _S.FAILED: (_S.SEALED, _S.SETTLED),
        _S.SEALED: (_S.ACKNOWLEDGED, _S.SETTLED, _S.EXPIRED),
        _S.ACKNOWLEDGED: (_S.SEALED, _S.SETTLED, _S.EXPIRED),
        _S.SETTLED: (),
        _S.DECLINED: (),
        _S.DROPPED: (),
        _S.EXPIRED: (),
    }
)
"""For each state those that may follow. A lease that is declined on sight starts as `DECLINED`."""

PENDING: Final = frozenset({_S.FETCHING, _S.QUEUED, _S.STARTED})
"""There is no result yet: the lease takes up a core or a place in the buffer."""

SENDABLE: Final = frozenset({_S.COMPUTED, _S.UPLOADED, _S.FAILED})
"""There is an outcome that no relay has seen."""

DELIVERED: Final = frozenset({_S.SEALED, _S.ACKNOWLEDGED})
"""The outcome is out and waits for a receipt."""

FINAL: Final = frozenset(state for state, following in TRANSITIONS.items() if not following)


class InvalidTransition(Exception):
    """The node tried to move a lease outside of the table: a defect of the node itself."""

    def __init__(
        self, lease: str, start: LeaseState, finish: LeaseState, story: Sequence[LeaseState]
    ) -> None:
        path = " → ".join(story)
        super().__init__(
            f"lease {lease}: {start} → {finish} is not in the table; its story: {path}"
        )
        self.lease = lease
        self.start = start
        self.finish = finish
        self.story = tuple(story)
