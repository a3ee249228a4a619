"""What one HTTP server takes on at most: time, space and company."""

from __future__ import annotations

from typing import Final

import msgspec

CHUNK_BYTES: Final = 256 * 1024
"""Responses go out in pieces of at most this, each with its own time limit."""

QUERY_BYTES_MAX: Final = 64 * 1024
"""A JSON request body: 500 event ids are 34 kB."""

EVENT_IDS_MAX: Final = 500
"""Event ids in one query."""

EVENT_IDS_AT_ONCE: Final = 50
"""Read from the archive at a time, so that one answer holds at most some 6 MB."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that depend on the machine and its network rather than on the protocol."""

    connections_max: int = 512
    """Open connections; half of the descriptors that a process commonly may have."""
    idle_s: float = 30.0
    """Until the first request has come with all its headers, and between two requests."""
    query_s: float = 10.0
    """For the body of a query to arrive."""
    linger_s: float = 5.0
    """For which a refused upload is read on, and thrown away, so that its sender sees why."""
    send_s: float = 20.0
    """For a client to take one chunk of a response: 13 kB/s at the slowest."""
    upload_base_s: float = 30.0
    upload_rate_bytes_s: int = 64 * 1024
    """An upload has the base time, and its size at this rate."""
    uploads_max: int = 32
    uploads_per_key_max: int = 4
    """Uploads under way, of everybody and of one key."""
    queries_max: int = 8
    """Queries to the database under way: the coordinator needs it more than its visitors do."""
    queue_s: float = 10.0
    """How long a query waits for its turn."""
    snapshot_age_s: float = 1.0
    """How old the market's snapshot and the balances may be."""

    def upload_s(self, size_bytes: int) -> float:
        """The time that an upload of this size may take."""
        return self.upload_base_s + size_bytes / self.upload_rate_bytes_s
