"""The units, checkpoints and results of the kernel `bpsw`, in JSON and out of it."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from newral_kernels.bpsw_blocks import BLOCK_DIGEST_BYTES, WITNESS_BASES, Block, odd_numbers
from newral_kernels.errors import FieldError, ResultError, UnitError
from newral_kernels.kernel import JSON, Result
from newral_kernels.numbers import JSON_INTEGER_MAX, decode_integer, decode_small_integer
from newral_kernels.reading import Record, read_array

START_MIN: Final = 2**64  # below, no composite passes: nothing is left to search
STOP_MAX: Final = 2**128  # residues are committed to in 16 bytes
UNIT_WIDTH_MAX: Final = 10**8  # minutes of work: five times the widest unit that is planned
BLOCKS_MAX: Final = 64  # a result stays some kilobytes; two blocks done again are 3 % of the work
BLOCK_WIDTH_MIN: Final = 2**15  # some 40 ms: checkpoints come no more often
FINDINGS_MAX: Final = 10_000  # in one unit; random ranges above 2^64 hold next to none

COUNTS: Final = ("tested", "filtered", "composites", "probable_primes")
NO_DIGEST: Final = "0" * 64

_UNIT_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_BLOCK_DIGEST: Final = re.compile(rf"[0-9a-f]{{{2 * BLOCK_DIGEST_BYTES}}}")


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

    def blocks(self) -> list[Range]:
        """The parts of a unit that are committed to one by one, of nearly equal width."""
        width = self.stop - self.start
        count = min(max(width // BLOCK_WIDTH_MIN, 1), BLOCKS_MAX)
        cuts = [self.start + width * index // count for index in range(count + 1)]
        return [Range(low, high) for low, high in itertools.pairwise(cuts)]

    def __contains__(self, n: int) -> bool:
        return self.start <= n < self.stop


@dataclass(slots=True)
class Tally:
    """What is known of the first blocks of a unit: a checkpoint, and what a result is made of.

    `rows`: filtered, probable primes and digest of each block. `psp2` and `hits` as in `Block`.
    """

    rows: list[tuple[int, int, str]] = field(default_factory=list)
    psp2: list[int] = field(default_factory=list)
    hits: list[tuple[int, int]] = field(default_factory=list)

    def add(self, block: Block) -> None:
        """Append the next block."""
        self.rows.append((block.filtered, block.probable_primes, block.digest))
        self.psp2.extend(block.psp2)
        self.hits.extend(block.hits)

    def block(self, index: int, part: Range) -> Block:
        """What the tally claims of one block."""
        filtered, probable_primes, digest = self.rows[index]
        return Block(
            filtered=filtered,
            probable_primes=probable_primes,
            psp2=tuple(n for n in self.psp2 if n in part),
            hits=tuple(hit for hit in self.hits if hit[0] in part),
            digest=digest,
        )

    def to_json(self) -> dict[str, JSON]:
        """The fields `blocks`, `psp2` and `hits`."""
        return {
            "blocks": [list(row) for row in self.rows],
            "psp2": [str(n) for n in self.psp2],
            "hits": _hits_to_json(self.hits),
        }

    @classmethod
    def read(cls, record: Record, whole: Range, error: type[FieldError]) -> Tally:
        """The inverse of `to_json`; shapes are verified, claims are not. Raises `error`."""
        rows = record.array("blocks", length_max=len(whole.blocks()))
        psp2, hits = _read_findings(record, whole, FINDINGS_MAX, error)
        return cls([_read_row(row, error) for row in rows], psp2, hits)


def unit_result(whole: Range, tally: Tally) -> Result:
    """The result of a unit, all of whose blocks are in the tally.

    Raises `ResultError` when their counts cannot be: only a forged tally has such.
    """
    for index, part in enumerate(whole.blocks()):
        block = tally.block(index, part)
        listed = block.filtered + block.probable_primes + len(block.psp2) + len(block.hits)
        odd = odd_numbers(part.start, part.stop)
        if listed > odd:
            raise ResultError(f"blocks[{index}]", f"{listed} are counted", f"{odd} are odd")
    tested = odd_numbers(whole.start, whole.stop)
    filtered = sum(row[0] for row in tally.rows)
    probable_primes = sum(row[1] for row in tally.rows)
    found = len(tally.psp2) + len(tally.hits)
    return {
        "ranges": [[str(whole.start), str(whole.stop)]],
        "tested": tested,
        "filtered": filtered,
        "composites": tested - filtered - probable_primes - found,
        "probable_primes": probable_primes,
        "digest": _unit_digest(whole, tally.rows),
        **tally.to_json(),
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """What a result or a reduced answer says, without the blocks of single units."""

    ranges: tuple[Range, ...]
    counts: tuple[int, ...]
    psp2: frozenset[int]
    hits: frozenset[tuple[int, int]]
    digest: int

    @classmethod
    def read(cls, part: Mapping[str, JSON]) -> Answer:
        """Raises `ResultError`."""
        record = Record(
            part,
            name="result",
            error=ResultError,
            required=("ranges", *COUNTS, "psp2", "hits", "digest"),
            optional=("blocks",),
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
            digest=int(record.text("digest", _UNIT_DIGEST), 16),
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
            "hits": _hits_to_json(sorted(self.hits)),
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


def _unit_digest(whole: Range, rows: Iterable[tuple[int, int, str]]) -> str:
    text = f"newral bpsw {whole.start} {whole.stop}\n"
    text += "".join(f"{filtered} {primes} {digest}\n" for filtered, primes, digest in rows)
    return hashlib.sha256(text.encode()).hexdigest()


def _hits_to_json(hits: Iterable[tuple[int, int]]) -> list[JSON]:
    return [{"n": str(n), "witness": witness} for n, witness in hits]


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


def _read_row(row: object, error: type[FieldError]) -> tuple[int, int, str]:
    values = read_array(row, name="blocks", error=error, length_max=3)
    match values:
        case [filtered, probable_primes, str(digest)] if _BLOCK_DIGEST.fullmatch(digest):
            return _read_count(filtered, error), _read_count(probable_primes, error), digest
    raise error("blocks", "a row is malformed", "give [filtered, probable primes, digest]")


def _read_count(value: object, error: type[FieldError]) -> int:
    return decode_small_integer(
        value, minimum=0, maximum=UNIT_WIDTH_MAX, field="blocks", error=error
    )


def _read_findings(
    record: Record, whole: Range, length_max: int, error: type[FieldError]
) -> tuple[list[int], list[tuple[int, int]]]:
    """The fields `psp2` and `hits`, each ascending and within the range."""
    psp2 = [_read_odd(n, whole, error) for n in record.array("psp2", length_max=length_max)]
    hits = []
    for value in record.array("hits", length_max=length_max):
        hit = Record(value, name="hits", error=error, required=("n", "witness"))
        witness = hit.small_integer("witness", minimum=0, maximum=max(WITNESS_BASES))
        hits.append((_read_odd(hit.get("n"), whole, error), witness))
    for name, found in (("psp2", psp2), ("hits", [n for n, _ in hits])):
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
