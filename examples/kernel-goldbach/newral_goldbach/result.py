"""Units, checkpoints and results: JSON that strangers may have made up, and what it means."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from newral_goldbach.partitions import LEAST_BELOW, NONE, least_primes, records
from newral_kernels.commitment import LEAVES_MAX, decode_leaves, encode_leaves, leaf, merkle_root
from newral_kernels.errors import FieldError, ResultError, UnitError
from newral_kernels.kernel import JSON, Result
from newral_kernels.reading import Record

START_MIN: Final = 6
STOP_MAX: Final = 10**12
PART_WIDTH: Final = 20_000  # 10 ms: a part is what is committed to, and done again, by itself
UNIT_WIDTH_MAX: Final = PART_WIDTH * LEAVES_MAX
FINDINGS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Range:
    """start <= n < stop; n even."""

    start: int
    stop: int

    @classmethod
    def of_unit(cls, unit: Mapping[str, JSON]) -> Range:
        """Raises `UnitError`."""
        record = Record(unit, name="unit", error=UnitError, required=("start", "stop"))
        start = record.integer("start", minimum=START_MIN, maximum=STOP_MAX - 1)
        most = min(start + UNIT_WIDTH_MAX, STOP_MAX)
        return cls(start, record.integer("stop", minimum=start + 1, maximum=most))

    def parts(self) -> list[Range]:
        """All of equal width but the last."""
        starts = range(self.start, self.stop, PART_WIDTH)
        return [Range(low, min(low + PART_WIDTH, self.stop)) for low in starts]

    @property
    def size(self) -> int:
        """How many even numbers it holds."""
        return (self.stop + 1) // 2 - (self.start + 1) // 2


@dataclass(frozen=True, slots=True)
class Part:
    """What a part of a unit came to: its own records, what has no partition, and its leaf."""

    records: tuple[tuple[int, int], ...]
    exceptions: tuple[int, ...]
    leaf: bytes

    @classmethod
    def compute(cls, part: Range) -> Part:
        """Its leaf is over all least primes, two bytes each: nobody has it who left one out."""
        numbers = range(part.start + part.start % 2, part.stop, 2)
        primes = least_primes(part.start, part.stop)
        found = list(zip(numbers, primes, strict=True))
        return cls(
            tuple(records(found)),
            tuple(n for n, p in found if p == NONE),
            leaf(b"".join(p.to_bytes(2, "big") for p in primes)),
        )


@dataclass(slots=True)
class Tally:
    """What is known of the first parts of a unit: a checkpoint, and what a result is made of."""

    records: list[tuple[int, int]] = field(default_factory=list)
    exceptions: list[int] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)

    def add(self, part: Part) -> None:
        """Take in the next part."""
        self.records = list(records([*self.records, *part.records]))
        self.exceptions += part.exceptions
        self.leaves.append(part.leaf)

    def to_json(self) -> dict[str, JSON]:
        """The inverse of `read`."""
        return {**findings_to_json(self), "leaves": encode_leaves(self.leaves)}

    @classmethod
    def read(cls, record: Record, whole: Range, error: type[FieldError]) -> Tally:
        """Raises `error` where a number is none of the unit's, or out of order."""
        tally = read_findings(record, whole.start, whole.stop, error)
        tally.leaves = decode_leaves(
            record.get("leaves"), count_max=len(whole.parts()), field="leaves", error=error
        )
        return tally


def unit_result(whole: Range, tally: Tally) -> Result:
    """The digest is a Merkle root over the leaves and, as a last one, over what was found."""
    found = json.dumps(findings_to_json(tally), sort_keys=True).encode()
    last = hashlib.sha256(f"goldbach {whole.start} {whole.stop} ".encode() + found).digest()
    return {
        "tested": whole.size,
        **tally.to_json(),
        "digest": merkle_root([*tally.leaves, last]),
    }


def findings_to_json(tally: Tally) -> dict[str, JSON]:
    """The inverse of `read_findings`."""
    return {
        "records": [{"n": str(n), "p": p} for n, p in tally.records],
        "exceptions": [str(n) for n in tally.exceptions],
    }


def read_findings(record: Record, start: int, stop: int, error: type[FieldError]) -> Tally:
    """Raises `error`. The tally has no leaves."""
    found = [
        _read_record(value, start, stop, error)
        for value in record.array("records", length_max=FINDINGS_MAX)
    ]
    if list(records(sorted(found))) != found:
        raise error("records", "they do not rise", "each n and each p is above the last")
    exceptions = [
        _integer(value, start, stop, error)
        for value in record.array("exceptions", length_max=FINDINGS_MAX)
    ]
    if sorted(set(exceptions)) != exceptions:
        raise error("exceptions", "they do not rise", "list each once, ascending")
    return Tally(found, exceptions)


def _read_record(value: object, start: int, stop: int, error: type[FieldError]) -> tuple[int, int]:
    record = Record(value, name="record", error=error, required=("n", "p"))
    n = _integer(record.get("n"), start, stop, error)
    return n, record.small_integer("p", minimum=3, maximum=LEAST_BELOW)


def _integer(value: object, start: int, stop: int, error: type[FieldError]) -> int:
    record = Record({"n": value}, name="number", error=error, required=("n",))
    return record.integer("n", minimum=start, maximum=stop - 1)


def read_result(result: object, whole: Range) -> Tally:
    """The findings of a result whose other fields follow from them. Raises `ResultError`."""
    names = ("tested", "records", "exceptions", "leaves", "digest")
    record = Record(result, name="result", error=ResultError, required=names)
    tally = Tally.read(record, whole, ResultError)
    if len(tally.leaves) != len(whole.parts()):
        raise ResultError(
            "leaves", f"there are {len(tally.leaves)}", f"the unit has {len(whole.parts())} parts"
        )
    return tally
