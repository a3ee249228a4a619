"""What a unit commits to when it reports that nothing was left out: a leaf for each part of it.

A leaf depends on every residue that its part made necessary, so nobody has it who did not compute
them. A spot check computes some parts again, which a value chooses that was unknown when the result
was committed to: whoever skipped a share f of the parts escapes k of them with (1 − f)^k.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Final

from newral_kernels.errors import FieldError
from newral_kernels.kernel import JSON
from newral_kernels.numbers import show

LEAF_BYTES: Final = 4  # guessed with a chance of 2^-32
LEAVES_MAX: Final = 4096  # as text 21,848 characters: a result stays below 24 KiB
OPENED: Final = 66  # 0.9^66 < 10^-3; of 4,096 leaves 1.6 %

_LEAF_PREFIX: Final = b"\x00"
_NODE_PREFIX: Final = b"\x01"


def leaf(data: bytes) -> bytes:
    """The leaf of a part: the first `LEAF_BYTES` of the SHA-256 of what was computed in it."""
    return hashlib.sha256(data).digest()[:LEAF_BYTES]


def encode_leaves(leaves: Sequence[bytes]) -> str:
    """All leaves in order, as one text in base64."""
    return base64.b64encode(b"".join(leaves)).decode()


def decode_leaves(
    value: object, *, count_max: int, field: str, error: type[FieldError]
) -> list[bytes]:
    """The inverse of `encode_leaves`, for its one canonical form. Raises `error`."""
    right = f"give the base64 of at most {count_max} leaves of {LEAF_BYTES} bytes"
    if not isinstance(value, str) or len(value) > 4 * math.ceil(count_max * LEAF_BYTES / 3):
        raise error(field, f"{show(value)} does not fit", right)
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise error(field, f"{show(value)} is no base64", right) from wrong
    leaves = [raw[i : i + LEAF_BYTES] for i in range(0, len(raw), LEAF_BYTES)]
    if len(raw) % LEAF_BYTES or len(leaves) > count_max or encode_leaves(leaves) != value:
        raise error(field, f"{show(value)} is not in canonical form", right)
    return leaves


def merkle_root(leaves: Sequence[bytes]) -> str:
    """The Merkle tree hash of the leaves (RFC 6962, section 2.1), in hexadecimal."""
    return _tree_hash([hashlib.sha256(_LEAF_PREFIX + each).digest() for each in leaves]).hex()


def opened(unit: Mapping[str, JSON], count: int, seed: bytes) -> list[int]:
    """Which of a unit's `count` leaves a spot check with this seed computes again, ascending.

    All of them when there are at most `OPENED`; each choice of that many is equally likely.
    """
    label = repr(sorted(unit.items())).encode()
    start = hashlib.sha256(b"newral spot " + hashlib.sha256(label).digest() + seed).digest()

    def rank(index: int) -> bytes:
        return hashlib.sha256(start + index.to_bytes(4, "big")).digest()

    return sorted(sorted(range(count), key=rank)[:OPENED])


def _tree_hash(hashes: list[bytes]) -> bytes:
    # Pairing from the left, a last odd one moves up as it is: the same tree as the recursion of
    # RFC 6962, which splits at the largest power of two.
    if not hashes:
        return hashlib.sha256().digest()
    while len(hashes) > 1:
        paired = [
            hashlib.sha256(_NODE_PREFIX + hashes[i] + hashes[i + 1]).digest()
            for i in range(0, len(hashes) - 1, 2)
        ]
        hashes = paired + hashes[len(hashes) & ~1 :]
    return hashes[0]
