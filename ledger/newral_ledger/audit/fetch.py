"""Obtaining a trail: from relays what is signed, from the coordinator's server the rest.

Nothing is judged here. The order matters for a log that goes on growing: its size is fixed before
its entries are read, and receipts are read last, so that those of every entry are there by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from newral_ledger.audit.inputs import AuditInputs
from newral_ledger.audit.server import FetchError, TrailServer
from newral_spec import trail
from newral_spec.event import Event
from newral_spec.kinds import Kind
from newral_spec.messages import (
    Announcement,
    InvalidMessage,
    decode_announcement,
    decode_checkpoint,
)
from newral_spec.session import Filter
from newral_spec.transport import RelayPool, RelayUnavailable
from newral_spec.transport.relay_pool import FETCHED_EVENTS_MAX

RELAY_S: Final = 30.0
"""For one query to all relays, over all its pages."""

IDS_PER_QUERY: Final = 500


async def fetch_trail(
    coordinator: str, relays: Sequence[str], *, blobs: str | None = None
) -> AuditInputs:
    """Everything that `audit` needs to know of the coordinator with this public key.

    `blobs` is the base URL of its server; without it, the newest announcement on the relays says
    where that is. Raises `FetchError`, and `InvalidRelayUrl` for an address that is none.
    """
    if not relays:
        raise FetchError("an audit needs at least one relay")
    async with RelayPool(relays) as pool:
        if blobs is None:
            blobs = (await fetch_announcement(pool, coordinator)).blobs
        async with TrailServer(blobs) as server:
            return await _fetch(coordinator, pool, server)


async def fetch_announcement(pool: RelayPool, coordinator: str) -> Announcement:
    """The coordinator's newest announcement. Raises `FetchError`."""
    for event in await _fetch_all(pool, coordinator, Kind.ANNOUNCEMENT):
        try:
            return decode_announcement(event)
        except InvalidMessage:
            continue  # The same key may announce other services.
    raise FetchError(f"no announcement of coordinator {coordinator} is on these relays")


async def _fetch(coordinator: str, pool: RelayPool, server: TrailServer) -> AuditInputs:
    checkpoints = await _fetch_all(pool, coordinator, Kind.CHECKPOINT)
    newest = await server.checkpoint()
    if newest is not None:
        checkpoints.append(newest)
    claimed = await server.balances()
    size = max([claimed.log_size, *_sizes(checkpoints)])
    entries = await server.entries(size)
    return AuditInputs(
        coordinator=coordinator,
        entries=entries,
        checkpoints=tuple(checkpoints),
        events=await _fetch_events(pool, server, _evidence_ids(entries)),
        claimed=claimed,
        receipts=await _fetch_receipts(coordinator, pool, server),
    )


async def _fetch_receipts(
    coordinator: str, pool: RelayPool, server: TrailServer
) -> tuple[Event, ...]:
    """Those on the relays, and those that only the server still has."""
    receipts = await _fetch_all(pool, coordinator, Kind.RECEIPT)
    # The signature is a part of what is compared: a copy with another one is another receipt.
    known = {(receipt.id, receipt.sig) for receipt in receipts}
    kept = await server.receipts()
    return (*receipts, *(event for event in kept if (event.id, event.sig) not in known))


def _sizes(checkpoints: Iterable[Event]) -> list[int]:
    sizes: list[int] = []
    for event in checkpoints:
        try:
            sizes.append(decode_checkpoint(event).size)
        except InvalidMessage:
            continue  # The audit will say so.
    return sizes


def _evidence_ids(entries: Iterable[bytes]) -> list[str]:
    """The events that the log rests on, in its order."""
    ids: dict[str, None] = {}
    for raw in entries:
        try:
            entry = trail.decode_entry(raw)
        except trail.InvalidEntry:
            continue  # The audit will say so.
        if isinstance(entry, trail.JobAccepted):
            ids[entry.request] = None
        elif isinstance(entry, trail.CommitmentReceived):
            ids[entry.event] = None
    return list(ids)


async def _fetch_all(pool: RelayPool, author: str, kind: Kind) -> list[Event]:
    """All events of a kind by an author, newest first, however many there are."""
    events: dict[str, Event] = {}
    filter_ = Filter(authors=(author,), kinds=(kind,))
    while True:
        try:
            page = await pool.fetch((filter_,), RELAY_S)
        except (TimeoutError, RelayUnavailable) as error:
            why = str(error) or f"nothing came within {RELAY_S:g} s"
            raise FetchError(f"no relay answers for kind {kind.value}: {why}") from error
        fresh = [event for event in page if event.id not in events]
        events.update((event.id, event) for event in fresh)
        if len(page) < FETCHED_EVENTS_MAX or not fresh:
            return list(events.values())
        filter_ = replace(filter_, until=page[-1].created_at)


async def _fetch_events(
    pool: RelayPool, server: TrailServer, ids: Sequence[str]
) -> dict[str, bytes]:
    """Events by id: from relays where they are still there, else from the coordinator's archive."""
    found: dict[str, bytes] = {}
    for start in range(0, len(ids), IDS_PER_QUERY):
        wanted = tuple(ids[start : start + IDS_PER_QUERY])
        try:
            page = await pool.fetch((Filter(ids=wanted),), RELAY_S)
        except (TimeoutError, RelayUnavailable):
            continue  # Relays may refuse such queries; the archive has them all.
        found.update((event.id, event.to_json()) for event in page)
    return found | await server.events([item for item in ids if item not in found])
