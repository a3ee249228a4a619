"""Auditing a coordinator from outside: relays and HTTP are all that is seen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from newral.errors import ConfigurationError, NewralError, NotFound
from newral_ledger.audit import AuditInputs, AuditReport, audit
from newral_ledger.audit.fetch import fetch_trail
from newral_ledger.audit.proof import EntryProof, entry_is_proved, prove_entry
from newral_ledger.audit.server import FetchError
from newral_spec.event import Event, InvalidEvent, verify_event
from newral_spec.messages import Checkpoint, InvalidMessage, decode_checkpoint
from newral_spec.transport.relay_url import InvalidRelayUrl


@dataclass(frozen=True, kw_only=True)
class ProvedEntry:
    """An entry of the log, and why nobody can deny that it is there."""

    entry: bytes
    proof: EntryProof
    checkpoint: Event
    """Signed by the coordinator: it fixes all entries before its size."""

    def to_json(self) -> dict[str, Any]:
        """All that another needs to verify it alone."""
        return {
            "entry": msgspec.json.decode(self.entry),
            "proof": msgspec.to_builtins(self.proof),
            "checkpoint": msgspec.to_builtins(self.checkpoint),
        }


async def run_audit(
    coordinator: str, relays: Sequence[str], *, url: str | None = None
) -> AuditReport:
    """Fetch everything and recompute everything. Raises `NotFound` when it cannot be fetched."""
    inputs = await _fetch(coordinator, relays, url)
    return await asyncio.to_thread(audit, inputs)


async def prove(
    coordinator: str, relays: Sequence[str], position: int, *, url: str | None = None
) -> ProvedEntry:
    """Fetch the log and prove one entry by the newest checkpoint.

    Raises `NotFound` when no checkpoint covers it, `NewralError` when the log is not the one that
    was signed.
    """
    inputs = await _fetch(coordinator, relays, url)
    event, checkpoint = _newest_checkpoint(inputs)
    if not 0 <= position < checkpoint.size:
        raise NotFound(f"the signed log has entries 0 to {checkpoint.size - 1}, not {position}")
    entry = inputs.entries[position]
    proof = prove_entry(inputs.entries, position, checkpoint.size)
    if not entry_is_proved(proof, entry, checkpoint):
        raise NewralError(f"the log is not the one that checkpoint {event.id} signs: audit it")
    return ProvedEntry(entry=entry, proof=proof, checkpoint=event)


async def _fetch(coordinator: str, relays: Sequence[str], url: str | None) -> AuditInputs:
    try:
        return await fetch_trail(coordinator, relays, blobs=url)
    except FetchError as error:
        raise NotFound(f"the trail cannot be fetched: {error}") from error
    except InvalidRelayUrl as error:
        raise ConfigurationError(str(error)) from error


def _newest_checkpoint(inputs: AuditInputs) -> tuple[Event, Checkpoint]:
    found: list[tuple[Event, Checkpoint]] = []
    for event in inputs.checkpoints:
        try:
            verify_event(event)
            checkpoint = decode_checkpoint(event)
        except (InvalidEvent, InvalidMessage):
            continue
        if event.pubkey == inputs.coordinator and 0 < checkpoint.size <= len(inputs.entries):
            found.append((event, checkpoint))
    if not found:
        raise NotFound("the coordinator has signed no checkpoint of this log")
    return max(found, key=lambda pair: pair[1].size)
