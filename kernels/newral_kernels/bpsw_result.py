"""The units, checkpoints and results of the kernel `bpsw`, in JSON and out of it."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from newral_kernels.bpsw_criterion import WITNESS_BASES
from newral_kernels.commitment import LEAVES_MAX, decode_leaves, encode_leaves, merkle_root
from newral_kernels.errors import FieldError, ResultError, UnitError
from newral_kernels.kernel import JSON, Result
from newral_kernels.numbers import JSON_INTEGER_MAX, decode_integer
from newral_kernels.reading import Record, read_array

START_MIN: Final = 2**64  # below, no composite passes: nothing is left to search
STOP_MAX: Final = 2**127  # the widest numbers that compiled code tests
UNIT_WIDTH_MAX: Final = 2**32  # minutes of work: several times the widest unit that is planned
LEAF_WIDTH_MIN: Final = 2**13  # some 0.2 ms; a unit of a second or more has 4096 leaves
FINDINGS_MAX: Final = 10_000  # in one unit; random ranges above 2^64 hold next to none
HIT_FACTORS_MAX: Final = 64  # of numbers below 2^127 without a factor below 4096, generously

TALLY_FIELDS: Final = ("leaves", "filtered", "probable_primes", "psp2", "hits")
COUNTS: Final = ("tested", "filtered", "composites", "probable_primes")

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """start <= n < stop."""

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
        """The parts of a unit that have a leaf each, of nearly equal width."""
        width = self.stop - self.start
        count = min(max(width // LEAF_WIDTH_MIN, 1), LEAVES_MAX)
        cuts = [self.start + width * index // count for index in range(count + 1)]
        return [Range(low, high) for low, high in itertools.pairwise(cuts)]

    def __contains__(self, n: int) -> bool:
        return self.start <= n < self.stop


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A composite that passes BPSW, the base whose strong test refutes it, its prime factors."""

    n: int
    witness: int
    factors: tuple[int, ...]

    def to_json(self) -> dict[str, JSON]:
        """All integers but the witness as decimal strings."""
        factors: list[JSON] = [str(p) for p in self.factors]
        return {"n": str(self.n), "witness": self.witness, "factors": factors}

    @classmethod
    def read(cls, value: object, whole: Range, error: type[FieldError]) -> Hit:
        """The inverse of `to_json`; shapes are verified, claims are not. Raises `error`."""
        record = Record(value, name="hits", error=error, required=("n", "witness", "factors"))
        witness = record.small_integer("witness", minimum=0, maximum=max(WITNESS_BASES))
        factors = [
            decode_integer(p, minimum=2, maximum=STOP_MAX, field="hits.factors", error=error)
            for p in record.array("factors", length_max=HIT_FACTORS_MAX)
        ]
        return cls(_read_odd(record.get("n"), whole, error), witness, tuple(factors))


@dataclass(frozen=True, slots=True)
class Part:
    """What the odd numbers of one part of a unit turned out to be.

    `leaf`: over all residues. `filtered`: with a prime factor below 4096. `probable_primes`: passed
    everything. `psp2`: strong pseudoprimes to base 2 that the Lucas test refuted. `hits`: passed
    BPSW and failed a further base. All the rest is composite by the strong test to base 2.
    """

    leaf: bytes
    filtered: int
    probable_primes: int
    psp2: tuple[int, ...]
    hits: tuple[Hit, ...]


def odd_numbers(start: int, stop: int) -> int:
    """How many odd numbers [start, stop) holds."""
    return stop // 2 - start // 2


@dataclass(slots=True)
class Tally:
    """What is known of the first parts of a unit: a checkpoint, and what a result is made of."""

    leaves: list[bytes] = field(default_factory=list)
    filtered: int = 0
    probable_primes: int = 0
    psp2: list[int] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)

    def add(self, parts: Iterable[Part]) -> None:
        """Append the next parts."""
        for part in parts:
            self.leaves.append(part.leaf)
            self.filtered += part.filtered
            self.probable_primes += part.probable_primes
            self.psp2.extend(part.psp2)
            self.hits.extend(part.hits)

    def claims(self, index: int, where: Range) -> tuple[bytes, tuple[int, ...], tuple[Hit, ...]]:
        """Leaf and findings of one part: what doing it again has to confirm."""
        psp2 = tuple(n for n in self.psp2 if n in where)
        return self.leaves[index], psp2, tuple(hit for hit in self.hits if hit.n in where)

    def to_json(self) -> dict[str, JSON]:
        """The fields `leaves`, `filtered`, `probable_primes`, `psp2` and `hits`."""
        return {
            "leaves": encode_leaves(self.leaves),
            "filtered": self.filtered,
            "probable_primes": self.probable_primes,
            "psp2": [str(n) for n in self.psp2],
            "hits": [hit.to_json() for hit in self.hits],
        }

    @classmethod
    def read(cls, record: Record, whole: Range, error: type[FieldError]) -> Tally:
        """The inverse of `to_json`; shapes are verified, claims are not. Raises `error`."""
        count_max = len(whole.parts())
        odd = odd_numbers(whole.start, whole.stop)
        psp2, hits = _read_findings(record, whole, FINDINGS_MAX, error)
        tally = cls(
            decode_leaves(record.get("leaves"), count_max=count_max, field="leaves", error=error),
            record.small_integer("filtered", minimum=0, maximum=odd),
            record.small_integer("probable_primes", minimum=0, maximum=odd),
            psp2,
            hits,
        )
        listed = tally.filtered + tally.probable_primes + len(psp2) + len(hits)
        if listed > odd:
            raise error("counts", f"{listed} numbers are counted", f"{odd} are odd")
        return tally


def unit_result(whole: Range, tally: Tally) -> Result:
    """The result of a unit, all of whose parts are in the tally."""
    tested = odd_numbers(whole.start, whole.stop)
    found = len(tally.psp2) + len(tally.hits)
    return {
        "ranges": [[str(whole.start), str(whole.stop)]],
        "tested": tested,
        "composites": tested - tally.filtered - tally.probable_primes - found,
        "digest": _digest(whole, tally),
        **tally.to_json(),
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """What a result or a reduced answer says, without the leaves of single units."""

    ranges: tuple[Range, ...]
    counts: tuple[int, ...]
    psp2: frozenset[int]
    hits: frozenset[Hit]
    digest: int

    @classmethod
    def read(cls, part: Mapping[str, JSON]) -> Answer:
        """Raises `ResultError`."""
        record = Record(
            part,
            name="result",
            error=ResultError,
            required=("ranges", *COUNTS, "psp2", "hits", "digest"),
            optional=("leaves",),
        )
        ranges = [_read_range(pair) for pair in record.array("ranges", length_max=2**32)]
        whole = Range(START_MIN, STOP_MAX)
        psp2, hits = _read_findings(record, whole, 2**32, ResultError)
        return cls(
            ranges=tuple(ranges),
            counts=tuple(
                record.small_integer(name, minimum=0, maximum=JSON_INTEGER_MAX) for name in COUNTS
            ),
            psp2=frozenset(psp2),
            hits=frozenset(hits),
            digest=int(record.text("digest", _DIGEST), 16),
        )

    @classmethod
    def sum(cls, answers: Iterable[Answer]) -> Answer:
        """One answer that says what all of them say. Raises `ResultError` on overlapping ranges."""
        several = list(answers)
        columns = zip(*(answer.counts for answer in several), strict=True)
        return cls(
            ranges=_merged(sorted(part for answer in several for part in answer.ranges)),
            counts=tuple(map(sum, columns)) if several else (0,) * len(COUNTS),
            psp2=frozenset().union(*(answer.psp2 for answer in several)),
            hits=frozenset().union(*(answer.hits for answer in several)),
            digest=sum(answer.digest for answer in several) % 2**256,
        )

    def to_json(self) -> Result:
        """The reduced answer."""
        return {
            "ranges": [[str(part.start), str(part.stop)] for part in self.ranges],
            **dict(zip(COUNTS, self.counts, strict=True)),
            "psp2": [str(n) for n in sorted(self.psp2)],
            "hits": [hit.to_json() for hit in sorted(self.hits)],
            "digest": f"{self.digest:064x}",
        }


def _merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Ascending ranges, joined where they touch."""
    merged: list[Range] = []
    for part in ranges:
        if merged and part.start < merged[-1].stop:
            raise ResultError("ranges", f"{part.start} is covered twice", "add each unit once")
        if merged and part.start == merged[-1].stop:
            part = Range(merged.pop().start, part.stop)
        merged.append(part)
    return tuple(merged)


def _digest(whole: Range, tally: Tally) -> str:
    """Over the leaves and the counts, so that whoever alters one has to alter this, too."""
    counts = f"{tally.filtered} {tally.probable_primes}"
    text = f"newral bpsw {whole.start} {whole.stop} {counts} {merkle_root(tally.leaves)}"
    return hashlib.sha256(text.encode()).hexdigest()


def _read_range(pair: object) -> Range:
    bounds = read_array(pair, name="ranges", error=ResultError, length_max=2)
    if len(bounds) != 2:
        raise ResultError("ranges", "a range lacks a bound", "give [start, stop]")
    start, stop = (
        decode_integer(
            bound, minimum=START_MIN, maximum=STOP_MAX, field="ranges", error=ResultError
        )
        for bound in bounds
    )
    return Range(start, stop)


def _read_findings(
    record: Record, whole: Range, length_max: int, error: type[FieldError]
) -> tuple[list[int], list[Hit]]:
    """The fields `psp2` and `hits`, each ascending and within the range."""
    psp2 = [_read_odd(n, whole, error) for n in record.array("psp2", length_max=length_max)]
    hits = [Hit.read(hit, whole, error) for hit in record.array("hits", length_max=length_max)]
    for name, found in (("psp2", psp2), ("hits", [hit.n for hit in hits])):
        if any(a >= b for a, b in itertools.pairwise(found)):
            raise error(name, "it is not in ascending order", "list each number once, in order")
    return psp2, hits


def _read_odd(value: object, whole: Range, error: type[FieldError]) -> int:
    n = decode_integer(
        value, minimum=whole.start, maximum=whole.stop - 1, field="psp2, hits", error=error
    )
    if n % 2 == 0:
        raise error("psp2, hits", f"{n} is even", "only odd numbers are tested")
    return n
