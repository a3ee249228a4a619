"""What the HTTP server shows, and where it gets it from: interfaces that the coordinator fills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, TypedDict

RECEIPTS_PER_PAGE: Final = 64
"""Receipts of one page: at most some 4 MB."""


class SourceUnavailable(Exception):
    """What is behind a source does not answer now; any method of a source may raise it."""


class Balances(TypedDict):
    """Every account's balance, and the size of the log that they follow from."""

    log_size: int
    balances: dict[str, int]
    """Micro-credits by account; see `newral_spec.trail` for the names."""


class TrailSource(Protocol):
    """Reads the coordinator's log, archive and ledger."""

    async def checkpoint(self) -> bytes | None:
        """The latest signed checkpoint event as JSON, or None before the first."""
        ...

    async def bundle(self, index: int, width: int | None) -> bytes | None:
        """A C2SP entry bundle: the `index`-th full one, or its first `width` entries (1 to 255).

        None when the log has not so many entries.
        """
        ...

    async def events(self, ids: Sequence[str]) -> list[bytes]:
        """The archived raw events among `ids`, each as one line of JSON."""
        ...

    async def receipts(self, page: int) -> list[bytes]:
        """The receipts of a page, counted from 0, each as one line of JSON; none after the last."""
        ...

    async def balances(self) -> Balances:
        """The live balances, in one consistent snapshot with the log's size."""
        ...


class UnitCounts(TypedDict):
    """How many units a job has in each state; `planned` counts them all."""

    planned: int
    leased: int
    accepted: int


class JobSummary(TypedDict):
    """One job, as strangers may see it."""

    id: str
    title: str
    """Its kernels and parameters in short. The requester chose them."""
    requester: str
    state: str
    """A state of the job's machine."""
    progress: float
    """Between 0 and 1."""
    units: UnitCounts
    budget: int
    spent: int
    """Micro-credits, both."""
    posted_at: int
    """Unix seconds."""
    reason: str
    """Why it was refused or failed; empty otherwise."""


class ProviderSummary(TypedDict):
    """One node."""

    pubkey: str
    agent: str
    """Software and version. The node chose it."""
    units_held: int
    units_accepted: int
    units_rejected: int
    credits: int
    """Micro-credits earned so far."""
    seen_at: int
    """Unix seconds of its last work request."""


class Totals(TypedDict):
    """Since the market began."""

    jobs: int
    jobs_running: int
    providers: int
    units_accepted: int
    credits_paid: int
    """Micro-credits."""


class CheckpointSummary(TypedDict):
    """The newest signed statement about the log."""

    size: int
    root: str
    at: int
    """Unix seconds."""


class MarketSnapshot(TypedDict):
    """All that the dashboard shows and `/api/market` returns: plain JSON."""

    name: str
    pubkey: str
    npub: str
    relays: list[str]
    started_at: int
    """Unix seconds."""
    now: int
    """Unix seconds, when the snapshot was taken."""
    jobs: list[JobSummary]
    """The newest, running ones first."""
    providers: list[ProviderSummary]
    totals: Totals
    log_size: int
    checkpoint: CheckpointSummary | None


class MarketSource(Protocol):
    """Reads the state of the market."""

    async def snapshot(self) -> MarketSnapshot:
        """What the dashboard shows. Called at most about once a second."""
        ...
