"""What the HTTP server shows of the coordinator's state: reads only, each one consistent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from newral_coordinator.http.sources import (
    RECEIPTS_PER_PAGE,
    Balances,
    CheckpointSummary,
    JobSummary,
    MarketSnapshot,
    ProviderSummary,
)
from newral_coordinator.reader import Reader
from newral_ledger import books, log
from newral_ledger.tiles import BUNDLE_WIDTH, BundleAddress
from newral_ledger.transfers import Balance
from newral_spec import trail
from newral_spec.event import parse_event
from newral_spec.messages import WorkRequest, decode_checkpoint
from newral_spec.nips.nip19 import encode_npub

JOBS_SHOWN: Final = 50
PROVIDERS_SHOWN: Final = 100
TITLE_CHARS_MAX: Final = 200


class ArchiveReader(Protocol):
    """Where raw events are kept."""

    async def get(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The JSON of those events that are kept, by id."""


class TrailView:
    """The log, the archive and the ledger, as `http.sources.TrailSource`."""

    def __init__(self, reader: Reader, archive: ArchiveReader) -> None:
        self._reader = reader
        self._archive = archive

    async def checkpoint(self) -> bytes | None:
        """The latest signed checkpoint event as JSON."""
        async with self._reader.snapshot() as store:
            last = await store.last_checkpoint()
        return last["event"].encode() if last else None

    async def bundle(self, index: int, width: int | None) -> bytes | None:
        """A C2SP entry bundle."""
        address = BundleAddress(index, BUNDLE_WIDTH if width is None else width)
        async with self._reader.snapshot() as store:
            return await log.bundle(store.connection, address)

    async def events(self, ids: Sequence[str]) -> list[bytes]:
        """Archived raw events, the seals of private messages among them."""
        found = await self._archive.get(ids)
        missing = [event_id for event_id in ids if event_id not in found]
        if missing:
            async with self._reader.snapshot() as store:
                kept = await store.evidence(missing)
            found |= {event_id: event.encode() for event_id, event in kept.items()}
        return [found[event_id] for event_id in ids if event_id in found]

    async def receipts(self, page: int) -> list[bytes]:
        """The receipts of a page, in the order in which they were signed."""
        async with self._reader.snapshot() as store:
            events = await store.receipts(page * RECEIPTS_PER_PAGE, RECEIPTS_PER_PAGE)
        return [event.encode() for event in events]

    async def balances(self) -> Balances:
        """Every balance, and the size of the log at that moment."""
        async with self._reader.snapshot() as store:
            size, _ = await log.head(store.connection)
            accounts = await books.balances(store.connection)
        return {
            "log_size": size,
            "balances": {name: balance.posted for name, balance in accounts.items()},
        }


class MarketView:
    """The market for people, as `http.sources.MarketSource`."""

    def __init__(
        self,
        reader: Reader,
        *,
        name: str,
        public_key: str,
        relays: Sequence[str],
        clock: Callable[[], float],
    ) -> None:
        self._reader = reader
        self._name = name
        self._public_key = public_key
        self._relays = list(relays)
        self._clock = clock
        self._started_at = int(clock())

    async def snapshot(self) -> MarketSnapshot:
        """Everything that the dashboard shows."""
        async with self._reader.snapshot() as store:
            size, _ = await log.head(store.connection)
            last = await store.last_checkpoint()
            accounts = await books.balances(store.connection)
            jobs = [_job(row, accounts) for row in await store.recent_jobs(JOBS_SHOWN)]
            counts = await store.lease_counts()
            providers = [
                _provider(provider.key, provider.seen_at, provider.request, counts, accounts)
                for provider in await store.providers(PROVIDERS_SHOWN)
            ]
            totals = await store.totals()
        return {
            "name": self._name,
            "pubkey": self._public_key,
            "npub": encode_npub(self._public_key),
            "relays": self._relays,
            "started_at": self._started_at,
            "now": int(self._clock()),
            "jobs": sorted(jobs, key=lambda job: job["state"] not in ("accepted", "running")),
            "providers": providers,
            "totals": {
                "jobs": totals["jobs"],
                "jobs_running": totals["jobs_running"],
                "providers": len(providers),
                "units_accepted": totals["units_accepted"],
                "credits_paid": sum(provider["credits"] for provider in providers),
            },
            "log_size": size,
            "checkpoint": _checkpoint(last) if last else None,
        }


def _job(row: Mapping[str, Any], accounts: Mapping[str, Balance]) -> JobSummary:
    spent = row["spent"]
    if row["ended_at"] is None:
        escrow = accounts.get(trail.escrow_account(row["id"]), Balance())
        spent = row["budget"] - escrow.posted
    return {
        "id": row["id"],
        "title": "a private job" if row["private"] else _title(row["workflow"]),
        "requester": row["requester"],
        "state": row["state"],
        "progress": 1.0 if row["state"] == "completed" else row["reported_progress"],
        "units": {
            "planned": int(row["units"]),
            "leased": int(row["leased"]),
            "accepted": int(row["accepted"]),
        },
        "budget": row["budget"],
        "spent": spent,
        "posted_at": row["accepted_at"],
        "reason": "" if row["state"] in ("accepted", "running", "completed") else row["reason"],
    }


def _title(workflow: Sequence[Mapping[str, Any]]) -> str:
    stages: list[str] = []
    for stage in workflow:
        params = " ".join(
            f"{name}={value}"
            for name, value in sorted(stage.get("params", {}).items())
            if isinstance(value, str | int)
        )
        stages.append(f"{stage['kernel']} {params}".strip())
    return " → ".join(stages)[:TITLE_CHARS_MAX]


def _provider(
    key: str,
    seen_at: int,
    request: WorkRequest,
    counts: Sequence[Mapping[str, Any]],
    accounts: Mapping[str, Balance],
) -> ProviderSummary:
    by_state = {row["state"]: row["leases"] for row in counts if row["provider"] == key}
    earned = accounts.get(trail.provider_account(key), Balance())
    return {
        "pubkey": key,
        "agent": request.agent,
        "units_held": by_state.get("offered", 0) + by_state.get("started", 0),
        "units_accepted": by_state.get("accepted", 0),
        "units_rejected": by_state.get("rejected", 0),
        "credits": earned.posted,
        "seen_at": seen_at,
    }


def _checkpoint(row: Mapping[str, Any]) -> CheckpointSummary:
    checkpoint = decode_checkpoint(parse_event(row["event"]))
    return {"size": checkpoint.size, "root": checkpoint.root, "at": row["made_at"]}
