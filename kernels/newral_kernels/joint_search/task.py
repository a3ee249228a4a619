"""The units of the kernel `bpsw-class`: which terms of which progressions they hold."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from newral_kernels.commitment import LEAVES_MAX
from newral_kernels.errors import FieldError, UnitError
from newral_kernels.joint_search.conditions import DISCRIMINANTS, SIGNS, Conditions
from newral_kernels.kernel import JSON, Unit
from newral_kernels.numbers import (
    decode_small_integer,
    encode_small_integer,
    show,
)
from newral_kernels.reading import Record, read_array

PRIME_MIN: Final = 3
PRIME_STOP: Final = 2**32  # products of two residues fit into a word
COFACTOR_STOP: Final = 2**61  # n/p: residues modulo it are computed with bits to spare
BOUND_MAX: Final = PRIME_STOP * COFACTOR_STOP
PRIMES_MAX: Final = 512  # in a list
ALL_PIECES: Final = 2**50  # more than any progression has
TERMS_MAX: Final = 2**62  # more than any progression has
COST_US_MAX: Final = 2**50

_FIELDS: Final = ("discriminant", "sign", "bound", "cost_us", "parts")
_RANGE_FIELDS: Final = ("start", "stop", "most", "blocks")
_LIST_FIELDS: Final = ("primes", "low", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The pieces low <= i < high of the progressions of some primes, for n <= bound.

    The primes are those of start <= p < stop, without those that have more than `most` terms; or
    the listed `primes`, however many terms they have. The range is cut into `blocks`, each block's
    pieces into `parts`: a leaf is committed to for each part of each block. `cost_us` is what the
    unit was said to cost when it was planned, in µs of the reference core.
    """

    conditions: Conditions
    bound: int
    start: int
    stop: int
    most: int = TERMS_MAX
    primes: tuple[int, ...] = ()
    low: int = 0
    high: int = ALL_PIECES
    blocks: int = 1
    parts: int
    cost_us: int

    @property
    def leaves(self) -> int:
        """How many are committed to."""
        return self.blocks * self.parts

    def block(self, index: int) -> tuple[int, int]:
        """First and end of a block's range."""
        width = self.stop - self.start
        return (
            self.start + width * index // self.blocks,
            self.start + width * (index + 1) // self.blocks,
        )

    def holds(self, p: int) -> bool:
        """Whether the prime p can be one of the task's."""
        return p in self.primes if self.primes else self.start <= p < self.stop

    def to_json(self) -> Unit:
        """The unit."""
        unit: Unit = {
            "discriminant": self.conditions.discriminant,
            "sign": self.conditions.sign,
            "bound": str(self.bound),
            "cost_us": self.cost_us,
            "parts": self.parts,
        }
        if self.primes:
            return unit | {"primes": list(self.primes), "low": self.low, "high": self.high}
        return unit | {
            "start": self.start,
            "stop": self.stop,
            "most": encode_small_integer(self.most),
            "blocks": self.blocks,
        }

    @classmethod
    def read(cls, unit: Mapping[str, JSON]) -> Task:
        """The inverse of `to_json`. Raises `UnitError`."""
        listed = isinstance(unit, dict) and "primes" in unit
        fields = _FIELDS + (_LIST_FIELDS if listed else _RANGE_FIELDS)
        record = Record(unit, name="unit", error=UnitError, required=fields)
        conditions = Conditions(
            read_choice(record.get("discriminant"), DISCRIMINANTS, "discriminant", UnitError),
            read_choice(record.get("sign"), SIGNS, "sign", UnitError),
        )
        cost_us = record.small_integer("cost_us", minimum=1, maximum=COST_US_MAX)
        bound = record.integer("bound", minimum=PRIME_MIN, maximum=BOUND_MAX)
        reader = _read_list if listed else _read_range
        task = reader(record, conditions, bound, cost_us)
        if bound > task.start * COFACTOR_STOP:
            raise UnitError(
                "bound", f"{show(bound)} is too large", "the most is 2^61 times the least prime"
            )
        return task


def read_choice(
    value: object, choices: tuple[int, ...], field: str, error: type[FieldError]
) -> int:
    """One of a few integers. Raises `error`."""
    if not isinstance(value, int) or isinstance(value, bool) or value not in choices:
        raise error(
            field, f"{show(value)} is not possible", f"choose from {', '.join(map(str, choices))}"
        )
    return value


def _read_range(record: Record, conditions: Conditions, bound: int, cost_us: int) -> Task:
    start = record.small_integer("start", minimum=PRIME_MIN, maximum=PRIME_STOP - 1)
    stop = record.small_integer("stop", minimum=start + 1, maximum=PRIME_STOP)
    blocks = record.small_integer("blocks", minimum=1, maximum=min(LEAVES_MAX, stop - start))
    return Task(
        conditions=conditions,
        bound=bound,
        start=start,
        stop=stop,
        most=record.small_integer("most", minimum=0, maximum=TERMS_MAX),
        blocks=blocks,
        parts=record.small_integer("parts", minimum=1, maximum=LEAVES_MAX // blocks),
        cost_us=cost_us,
    )


def _read_list(record: Record, conditions: Conditions, bound: int, cost_us: int) -> Task:
    values = read_array(record.get("primes"), name="primes", error=UnitError, length_max=PRIMES_MAX)
    primes = tuple(
        decode_small_integer(
            value, minimum=PRIME_MIN, maximum=PRIME_STOP - 1, field="primes", error=UnitError
        )
        for value in values
    )
    if not primes or any(a >= b for a, b in itertools.pairwise(primes)):
        raise UnitError("primes", "they are none or not ascending", "list some primes, ascending")
    low = record.small_integer("low", minimum=0, maximum=ALL_PIECES - 1)
    return Task(
        conditions=conditions,
        bound=bound,
        start=primes[0],
        stop=primes[-1] + 1,
        primes=primes,
        low=low,
        high=record.small_integer("high", minimum=low + 1, maximum=ALL_PIECES),
        parts=record.small_integer("parts", minimum=1, maximum=LEAVES_MAX),
        cost_us=cost_us,
    )
