"""The rules that a coordinator's operator sets."""

from __future__ import annotations

import math
from dataclasses import dataclass

MICROCREDITS = 1_000_000
"""Micro-credits in one credit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Amounts are micro-credits, times are seconds."""

    price: int = MICROCREDITS
    """For one reference-core second of validated work."""
    quorum: int = 2
    """Independent providers that must agree where a result does not prove itself."""
    replicas_max: int = 7
    """Results judged for one unit before its job fails: providers who cannot agree cost money."""
    failures_max: int = 5
    """Failed attempts at one unit before its job fails."""
    grant: int = 10_000 * MICROCREDITS
    """Issued to a requester's key with its first job. An open market sets 0."""
    budget_factor: int = 3
    """Without a bid, escrow this many times the estimated price of one computation of each unit."""
    job_seconds_max: int = 30 * 24 * 3600
    """A job without a deadline ends after this."""
    units_ahead: int = 256
    """Units of one stage that are planned and not yet accepted: bounds memory, not parallelism."""
    lease_seconds_min: int = 120
    lease_cost_factor: int = 20
    """A lease lasts this many times the unit's expected cost, and at least the minimum."""
    reoffer_seconds: int = 4
    """An offer that the node has not confirmed is sent again after this: ephemeral events drop."""
    lost_seconds: int = 45
    """A node that was silent for this long is given no work, and its leases go to others."""
    refused_seconds: int = 15
    """A node that declined a unit is not asked again for this long."""
    memory_bytes_max: int = 2 * 1024**3
    memory_seconds: int = 3600
    """For how long a work request is remembered, and a node that has done nothing yet."""
    jobs_per_requester_max: int = 200
    """Active jobs of one requester's key: each takes room and time, even while nobody works."""
    upload_bytes_max: int = 32 * 1024**2
    """Largest result that a lease may upload: twice the Carmichael numbers below 10^16. A hostile
    one of this size takes seconds, and a gigabyte, to parse."""
    checkpoint_seconds: int = 5
    """At most this long after an entry, a checkpoint covers it."""
    feedback_seconds: int = 2
    """Progress is published at most this often."""
    refusals_per_minute: int = 20
    """Refusals answered to one key; what is above is counted, not answered."""

    def unit_price(self, cost_s: float) -> int:
        """What one computation of a unit earns: at least one micro-credit."""
        return max(1, math.ceil(cost_s * self.price))

    def lease_seconds(self, cost_s: float) -> int:
        """How long a node has for a unit."""
        return max(self.lease_seconds_min, math.ceil(cost_s * self.lease_cost_factor))

    def default_budget(self, cost_s: float) -> int:
        """What is escrowed for a job without a bid."""
        return self.unit_price(cost_s * self.budget_factor * max(1, self.quorum))
