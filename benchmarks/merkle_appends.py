"""Appending to the Merkle log in memory, beside the bare hashing that it cannot do without."""

from __future__ import annotations

import hashlib

from timing import best_s, report

from newral_ledger.merkle import CompactRange, leaf_hash

ENTRIES = 50_000
ENTRY = b"x" * 400  # A verdict's entry has some 600 bytes, a transfer's 350.


def ours() -> None:
    """Hash and append each entry."""
    log = CompactRange()
    for _ in range(ENTRIES):
        log.append(leaf_hash(ENTRY))
    log.root()


def bare() -> None:
    """One hash of each entry, and one of two hashes for each inner node."""
    pair = b"\x01" + bytes(64)
    for _ in range(ENTRIES):
        hashlib.sha256(b"\x00" + ENTRY).digest()
        hashlib.sha256(pair).digest()


def main() -> None:
    """Time both."""
    ours_s, bare_s = best_s(ours, bare)
    report("entries appended", ENTRIES, "entries", ours_s, {"bare SHA-256": bare_s})


if __name__ == "__main__":
    main()
