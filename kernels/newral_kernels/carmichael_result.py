"""The results and checkpoints of the kernel `carmichael`, in JSON and out of it."""

from __future__ import annotations

import base64
import binascii
import itertools
import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from newral_kernels.commitment import (
    LEAVES_MAX,
    decode_leaves,
    encode_leaves,
    leaf,
    merkle_root,
)
from newral_kernels.criterion import (
    FACTORS_MAX,
    Factored,
    items_to_json,
    read_items,
)
from newral_kernels.errors import CheckpointError, ResultError
from newral_kernels.kernel import JSON, Result
from newral_kernels.numbers import JSON_INTEGER_MAX, show
from newral_kernels.reading import Record, identical

ITEMS_MAX: Final = 2_000_000  # more than there are below 10^18

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_SUM_BYTES: Final = 8
_number = operator.attrgetter("n")


@dataclass(frozen=True, slots=True)
class UnitResult:
    """The numbers found, and the leaves of what was computed."""

    items: list[Factored]
    leaves: list[bytes]

    @classmethod
    def read(cls, value: object) -> UnitResult:
        """The inverse of `to_json`. Raises `ResultError`, also where the parts disagree."""
        record = Record(
            value, name="result", error=ResultError, required=("count", "items", "leaves", "digest")
        )
        items = _read_counted(record)
        leaves = decode_leaves(
            record.get("leaves"), count_max=LEAVES_MAX, field="result.leaves", error=ResultError
        )
        if not leaves:
            raise ResultError("result.leaves", "there are none", "every unit has one or more")
        if record.text("digest", _DIGEST) != merkle_root(leaves):
            raise ResultError(
                "result.digest", "it is not that of the leaves", f"theirs is {merkle_root(leaves)}"
            )
        return cls(items, leaves)

    def to_json(self) -> Result:
        """Items by ascending n."""
        return {
            "count": len(self.items),
            "items": items_to_json(sorted(self.items, key=_number)),
            "leaves": encode_leaves(self.leaves),
            "digest": merkle_root(self.leaves),
        }


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """After `groups` groups: the leaves' sums so far, and what was found."""

    groups: int
    sums: list[int]
    items: list[Factored]

    @classmethod
    def read(cls, state: JSON, *, groups: int, leaves: int) -> Checkpoint:
        """Of a unit with so many groups and leaves. Raises `CheckpointError`."""
        record = Record(
            state, name="checkpoint", error=CheckpointError, required=("groups", "sums", "items")
        )
        done = record.small_integer("groups", minimum=0, maximum=min(groups, JSON_INTEGER_MAX))
        items = read_items(
            record.get("items"), name="items", error=CheckpointError, length_max=ITEMS_MAX
        )
        return cls(done, _read_sums(record.get("sums"), leaves), items)


def checkpoint_to_json(groups: int, sums: list[int], items: list[JSON]) -> JSON:
    """What `Checkpoint.read` reads: the sums as 8 bytes each, in one text in base64."""
    raw = b"".join(each.to_bytes(_SUM_BYTES, "big") for each in sums)
    return {"groups": groups, "sums": base64.b64encode(raw).decode(), "items": items}


def leaves_of(sums: Iterable[int]) -> list[bytes]:
    """The leaf of each sum of residues, taken modulo 2^64."""
    return [leaf(each.to_bytes(_SUM_BYTES, "big")) for each in sums]


def fold(parts: Sequence[Mapping[str, JSON]]) -> Result:
    """The answer to a job: all items, and the sum of the digests modulo 2^256."""
    items: set[Factored] = set()
    total = 0
    for part in parts:
        record = Record(
            part,
            name="result",
            error=ResultError,
            required=("count", "items", "digest"),
            optional=("leaves",),
        )
        items.update(_read_counted(record))
        total += int(record.text("digest", _DIGEST), 16)
    return {
        "count": len(items),
        "items": items_to_json(sorted(items, key=_number)),
        "digest": f"{total % 2**256:064x}",
    }


def _read_counted(record: Record) -> list[Factored]:
    values = record.array("items", length_max=ITEMS_MAX)
    items = [
        _read_usual(value) or Factored.read(value, name=f"items[{index}]", error=ResultError)
        for index, value in enumerate(values)
    ]
    if any(a.n >= b.n for a, b in itertools.pairwise(items)):
        raise ResultError("result.items", "they are not in ascending order", "list each once")
    if any(item.certificates for item in items):
        raise ResultError("result.items", "factors below 2^64 need no certificate", "leave it out")
    if not identical(record.get("count"), len(items)):
        raise ResultError("result.count", "it is not the number of items", f"{len(items)} are")
    return items


def _read_usual(value: object) -> Factored | None:
    """An item whose factors are ascending JSON numbers with the product n; None for any other.

    Nearly all are, and reading this takes a fifth of the time.
    """
    if type(value) is not dict or value.keys() != {"n", "factors"}:
        return None
    n, factors = value["n"], value["factors"]
    if type(factors) is not list or not 0 < len(factors) <= FACTORS_MAX:
        return None
    if any(type(p) is not int or not 0 < p <= JSON_INTEGER_MAX for p in factors):
        return None
    product = math.prod(factors)
    if n != str(product) or factors != sorted(factors):
        return None
    return Factored(product, tuple(factors))


def _read_sums(value: object, count: int) -> list[int]:
    right = f"give the base64 of {count} sums of {_SUM_BYTES} bytes"
    try:
        raw = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError) as wrong:
        raise CheckpointError("checkpoint.sums", f"{show(value)} is no base64", right) from wrong
    if len(raw) != count * _SUM_BYTES:
        raise CheckpointError("checkpoint.sums", f"{show(value)} does not fit", right)
    return [int.from_bytes(raw[i : i + _SUM_BYTES], "big") for i in range(0, len(raw), _SUM_BYTES)]
