"""What the owner lets the node do, and the bounds that the node sets itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from newral_spec import limits
from newral_spec.messages import KernelOffer

HEARTBEAT_BUSY_S: Final = 10.0
"""The coordinator hears from a node that holds leases at least this often."""

HEARTBEAT_IDLE_S: Final = 20.0
"""And from an idle one."""

REQUEST_GAP_S: Final = 0.2
"""Between two work requests: what happens at once is said in one."""

BATCH_DELAY_S: Final = 0.2
"""How long a finished result waits for others to share its event."""

SEALED_PLAINTEXT_BYTES_MAX: Final = 32 * 1024
"""Results in one event: 43.8 KB as NIP-44 payload, and 64 commitments of 260 bytes beside it, stay
below the 64 KiB that strfry accepts for a whole event."""

RESULT_OVERHEAD_BYTES: Final = 512
"""What a result takes in that plaintext beside its own bytes: lease, nonce, times, quotes."""

RESULT_KEPT_S: Final = 7 * 24 * 3600
"""The `expiration` of a sealed result, and how long the node waits for its receipt."""

RECEIPT_WAIT_S: Final = 60.0
"""Before a result that a relay acknowledged is published again for want of a receipt; doubled
each time, because replicas of a unit may take hours."""

RECEIPT_WAIT_S_MAX: Final = 3600.0

RETRY_S: Final = 1.0
"""Before an upload or a publication that failed is tried again; doubled each time."""

RETRY_S_MAX: Final = 60.0

RESIGN_AFTER_S: Final = 600
"""Age at which a sealed event is signed anew: relays refuse what is far from their clocks."""

CHECKPOINT_SAVE_S: Final = 2.0
"""Between two checkpoints of a unit that are written to disk: the work lost at kill -9."""

WORKER_IDLE_S: Final = 30.0
"""A worker without work ends after this: an idle node stays small."""

STOP_S: Final = 5.0
"""What a worker has to write a checkpoint and end before it is killed."""

FLUSH_S: Final = 3.0
"""What a stopping node waits for relays to acknowledge results, after its workers ended."""

DECLINED_SAID_S: Final = 60.0
"""How long after its last offer a declined lease is listed in work requests, which may be lost."""

CRASHES_MAX: Final = 2
"""A unit whose worker died this often is reported as failed."""

UPLOAD_REFUSALS_MAX: Final = 5
"""A result that the blob server refused this often is reported as failed."""

UNSETTLED_MAX: Final = 1000
"""Results without a receipt at which the node asks for no more work: its disk is not endless."""

REMEMBERED_MAX: Final = 10_000
"""Leases that have ended and are remembered, so that a repeated offer has no effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The owner's preferences and the node's kernels, as the core needs them."""

    cores: int
    """Units computed at once."""
    memory_bytes: int
    """Memory that one unit may use."""
    buffer: int
    """Units held ready beyond those being computed."""
    kernels: tuple[KernelOffer, ...]
    agent: str = "newral-node"

    def __post_init__(self) -> None:
        """Raises `ValueError`, naming the setting and its range."""
        if not 1 <= self.cores <= limits.LEASES_MAX:
            raise ValueError(f"cores is between 1 and {limits.LEASES_MAX}, not {self.cores}")
        if not 0 <= self.buffer <= limits.LEASES_MAX - self.cores:
            raise ValueError(
                f"buffer is between 0 and {limits.LEASES_MAX - self.cores} with {self.cores} cores:"
                f" a node reports at most {limits.LEASES_MAX} leases; not {self.buffer}"
            )
        if self.memory_bytes < 1:
            raise ValueError(f"memory_bytes is at least 1, not {self.memory_bytes}")

    @property
    def capacity(self) -> int:
        """Leases without a result that the node holds at most."""
        return self.cores + self.buffer
