"""Showing one entry of the log to somebody who has nothing but a signed checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from newral_ledger.merkle import CompactRange, Subtree, inclusion_proof, leaf_hash, verify_inclusion
from newral_spec.messages import Checkpoint
from newral_spec.messages.fields import Count, Hex32


class EntryProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """That an entry is at `position` in the log of `size`: RFC 9162's inclusion path."""

    position: Count
    size: Count
    path: tuple[Hex32, ...]


def prove_entry(entries: Sequence[bytes], position: int, size: int) -> EntryProof:
    """The proof for an entry, from the log itself.

    Raises `ValueError` unless `0 ≤ position < size` and there are `size` entries.
    """
    if size > len(entries):
        raise ValueError(f"the log has {len(entries)} entries, not {size}")
    log = CompactRange()
    nodes: dict[Subtree, bytes] = {}
    for raw in entries[:size]:
        nodes.update(log.append(leaf_hash(raw)))
    path = inclusion_proof(position, size, nodes.__getitem__)
    return EntryProof(position=position, size=size, path=tuple(item.hex() for item in path))


def entry_is_proved(proof: EntryProof, raw: bytes, checkpoint: Checkpoint) -> bool:
    """Whether the proof shows that the entry with these bytes is in the checkpoint's log."""
    return proof.size == checkpoint.size and verify_inclusion(
        leaf_hash(raw),
        proof.position,
        proof.size,
        [bytes.fromhex(item) for item in proof.path],
        bytes.fromhex(checkpoint.root),
    )
