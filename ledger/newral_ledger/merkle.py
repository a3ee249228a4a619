"""Merkle trees of append-only logs: RFC 6962 hashing, proofs as in RFC 9162.

A *complete subtree* `(level, offset)` covers the leaves from `offset · 2^level` up to
`(offset + 1) · 2^level`. Its hash never changes once it is full, so a log keeps these hashes and
nothing else; every root and proof is made of few of them. Hashes are 32 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

HASH_BYTES: Final = 32

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


class Subtree(NamedTuple):
    """A complete subtree's place."""

    level: int
    offset: int


class LeafRange(NamedTuple):
    """The leaves `start ≤ i < stop`. In a proof, `start` is a multiple of a power of two that is
    no smaller than the range."""

    start: int
    stop: int


Nodes = Callable[[Subtree], bytes]
"""Looks up the hash of a complete subtree."""


def leaf_hash(data: bytes) -> bytes:
    """`sha256(0x00 ‖ data)`."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """`sha256(0x01 ‖ left ‖ right)`."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class CompactRange:
    """A log's size and the hashes of its maximal complete subtrees, the largest first.

    All that is needed to append, and to compute the root, in O(log size) memory.
    """

    __slots__ = ("_hashes", "size")

    size: int

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """Raises `ValueError` unless there is one hash for each bit that is set in `size`."""
        self._hashes = list(hashes)
        self.size = size
        if size < 0 or len(self._hashes) != size.bit_count():
            raise ValueError(f"a log of {size} entries does not have {len(self._hashes)} subtrees")
        if any(len(item) != HASH_BYTES for item in self._hashes):
            raise ValueError(f"a hash has {HASH_BYTES} bytes")

    @classmethod
    def from_bytes(cls, size: int, raw: bytes) -> CompactRange:
        """The inverse of `to_bytes`. Raises `ValueError`."""
        return cls(size, (raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)))

    def to_bytes(self) -> bytes:
        """The hashes, one after the other."""
        return b"".join(self._hashes)

    def append(self, leaf: bytes) -> list[tuple[Subtree, bytes]]:
        """Add a leaf hash. Returns the subtrees that it completes, from the leaf upwards."""
        subtree = Subtree(0, self.size)
        completed = [(subtree, leaf)]
        while subtree.offset % 2 == 1:
            leaf = node_hash(self._hashes.pop(), leaf)
            subtree = Subtree(subtree.level + 1, subtree.offset // 2)
            completed.append((subtree, leaf))
        self._hashes.append(leaf)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """The root of the whole log."""
        return _fold(self._hashes) if self._hashes else EMPTY_ROOT


def tree_root(leaves: Iterable[bytes]) -> bytes:
    """The root of the log that has these leaf hashes."""
    log = CompactRange()
    for leaf in leaves:
        log.append(leaf)
    return log.root()


def _fold(hashes: Sequence[bytes]) -> bytes:
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def complete_subtrees(leaves: LeafRange) -> list[Subtree]:
    """The complete subtrees that make up a range of a proof, the largest first."""
    subtrees: list[Subtree] = []
    start = leaves.start
    while start < leaves.stop:
        level = (leaves.stop - start).bit_length() - 1
        subtrees.append(Subtree(level, start >> level))
        start += 1 << level
    return subtrees


def inclusion_ranges(index: int, size: int) -> list[LeafRange]:
    """The ranges whose hashes prove that leaf `index` is in a log of `size`, deepest first.

    Raises `ValueError` unless `0 ≤ index < size`.
    """
    if not 0 <= index < size:
        raise ValueError(f"a log of {size} entries has no entry {index}")
    siblings: list[LeafRange] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            siblings.append(LeafRange(middle, stop))
            stop = middle
        else:
            siblings.append(LeafRange(start, middle))
            start = middle
    return siblings[::-1]


def consistency_ranges(old: int, new: int) -> list[LeafRange]:
    """The ranges whose hashes prove that a log of `new` entries extends one of `old`.

    Raises `ValueError` unless `1 ≤ old ≤ new`.
    """
    if not 1 <= old <= new:
        raise ValueError(f"a log of {new} entries does not extend one of {old}")
    siblings: list[LeafRange] = []
    start, stop = 0, new
    while stop != old:
        middle = start + _split(stop - start)
        if old <= middle:
            siblings.append(LeafRange(middle, stop))
            stop = middle
        else:
            siblings.append(LeafRange(start, middle))
            start = middle
    if start > 0:
        # The old root itself need not be repeated: the verifier has it.
        siblings.append(LeafRange(start, stop))
    return siblings[::-1]


def _split(size: int) -> int:
    """The largest power of two below `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def range_hashes(ranges: Iterable[LeafRange], nodes: Nodes) -> list[bytes]:
    """The hash of each range of a proof."""
    return [_fold([nodes(subtree) for subtree in complete_subtrees(leaves)]) for leaves in ranges]


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """RFC 9162, 2.1.3.1. Raises `ValueError` unless `0 ≤ index < size`."""
    return range_hashes(inclusion_ranges(index, size), nodes)


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """RFC 9162, 2.1.4.1. Raises `ValueError` unless `1 ≤ old ≤ new`."""
    return range_hashes(consistency_ranges(old, new), nodes)


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `proof` shows that leaf hash `leaf` is entry `index` of the log (RFC 9162, 2.1.3.2).

    Anything but a proof, of whatever shape, is False.
    """
    if not 0 <= index < size or not _are_hashes(leaf, root, *proof):
        return False
    node, last = index, size - 1
    current = leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            current = node_hash(sibling, current)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and current == root


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that the log of `new` entries extends that of `old`.

    RFC 9162, 2.1.4.2. Every log extends the empty one, and needs no proof of it. Anything but a
    proof is False.
    """
    if not 0 <= old <= new or not _are_hashes(old_root, new_root, *proof):
        return False
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if old == new:
        return not proof and old_root == new_root
    if old & (old - 1) == 0:
        proof = [old_root, *proof]
    if not proof:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_side = new_side = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_side, new_side = node_hash(sibling, old_side), node_hash(sibling, new_side)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new_side = node_hash(new_side, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old_side == old_root and new_side == new_root


def _are_hashes(*hashes: bytes) -> bool:
    return all(len(item) == HASH_BYTES for item in hashes)
