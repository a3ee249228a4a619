"""The results, checkpoints and answers of the kernel `psp2`, in JSON and out of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from newral_kernels.commitment import LEAVES_MAX, decode_leaves, encode_leaves, merkle_root
from newral_kernels.criterion import Factored, items_to_json, read_ascending_items
from newral_kernels.errors import FieldError, ResultError
from newral_kernels.kernel import JSON, Result
from newral_kernels.numbers import JSON_INTEGER_MAX
from newral_kernels.psp2_criterion import lucas_tests_passed
from newral_kernels.psp2_domain import STOP_MAX, Domain
from newral_kernels.reading import Record, identical

ITEMS_MAX: Final = 1_000_000  # there are some 120 million below 2^64: list them in several jobs
DIGESTS: Final = 2**256

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def unit_result(leaves: Sequence[bytes], items: Iterable[Factored]) -> Result:
    """The result of a unit: what was found, and what the work is committed to with."""
    listed = sorted(set(items))  # three prime factors can come from several pairs of them
    return {
        "count": len(listed),
        "items": items_to_json(listed),
        "hits": hits_among(listed),
        "leaves": encode_leaves(leaves),
        "digest": merkle_root(leaves),
    }


def hits_among(items: Iterable[Factored]) -> list[JSON]:
    """Those that pass a Lucas test too, ascending: `{"n": …, "lucas": ["extra strong", …]}`."""
    tested = ((item.n, lucas_tests_passed(item.n)) for item in items)
    return _hits_to_json((n, passed) for n, passed in tested if passed)


def read_result(result: object, domain: Domain) -> tuple[list[bytes], list[Factored]]:
    """Leaves and items of a unit's result whose other members agree. Raises `ResultError`."""
    record = Record(
        result,
        name="result",
        error=ResultError,
        required=("count", "items", "hits", "leaves", "digest"),
    )
    items = read_ascending_items(
        record.get("items"), name="items", error=ResultError, length_max=ITEMS_MAX
    )
    leaves = read_leaves(record, domain, ResultError)
    if len(leaves) != domain.leaves:
        raise ResultError(
            "result.leaves", f"they are {len(leaves)}", f"this unit has {domain.leaves}"
        )
    if not identical(record.get("count"), len(items)):
        raise ResultError("result.count", "it is not the number of items", f"{len(items)} are")
    if not identical(record.get("digest"), merkle_root(leaves)):
        raise ResultError("result.digest", "it is not that of the leaves", "recompute it")
    return leaves, items


def read_leaves(record: Record, domain: Domain, error: type[FieldError]) -> list[bytes]:
    """The field `leaves`, of at most as many leaves as the domain has. Raises `error`."""
    return decode_leaves(
        record.get("leaves"), count_max=min(domain.leaves, LEAVES_MAX), field="leaves", error=error
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a result or a reduced answer says, without the leaves of single units."""

    units: int
    items: frozenset[Factored]
    hits: frozenset[tuple[int, tuple[str, ...]]]
    digest: int

    @classmethod
    def read(cls, part: Mapping[str, JSON]) -> Answer:
        """Raises `ResultError`."""
        record = Record(
            part,
            name="result",
            error=ResultError,
            required=("count", "items", "hits", "digest"),
            optional=("leaves", "units", "by_factors"),
        )
        items = read_ascending_items(
            record.get("items"), name="items", error=ResultError, length_max=2**32
        )
        units = 1
        if record.get("leaves") is None:
            units = record.small_integer("units", minimum=0, maximum=JSON_INTEGER_MAX)
        hits = frozenset(_read_hits(record))
        return cls(units, frozenset(items), hits, int(record.text("digest", _DIGEST), 16))

    @classmethod
    def sum(cls, answers: Iterable[Answer]) -> Answer:
        """One answer that says what all of them say."""
        several = list(answers)
        return cls(
            units=sum(answer.units for answer in several),
            items=frozenset().union(*(answer.items for answer in several)),
            hits=frozenset().union(*(answer.hits for answer in several)),
            digest=sum(answer.digest for answer in several) % DIGESTS,
        )

    def to_json(self) -> Result:
        """The reduced answer."""
        listed = sorted(self.items)
        by_factors = Counter(len(item.factors) for item in listed)
        return {
            "units": self.units,
            "count": len(listed),
            "by_factors": {str(k): by_factors[k] for k in sorted(by_factors)},
            "items": items_to_json(listed),
            "hits": _hits_to_json(sorted(self.hits)),
            "digest": f"{self.digest:064x}",
        }


def _hits_to_json(hits: Iterable[tuple[int, tuple[str, ...]]]) -> list[JSON]:
    return [{"n": str(n), "lucas": list(passed)} for n, passed in hits]


def _read_hits(record: Record) -> list[tuple[int, tuple[str, ...]]]:
    hits = []
    for value in record.array("hits", length_max=2**32):
        hit = Record(value, name="hits", error=ResultError, required=("n", "lucas"))
        n = hit.integer("n", minimum=1, maximum=STOP_MAX)
        passed = tuple(map(str, hit.array("lucas", length_max=2)))
        hits.append((n, passed))
    return hits
