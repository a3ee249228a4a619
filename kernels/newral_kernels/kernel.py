"""What every kernel is: a handful of pure functions over plain JSON data.

Integers that may exceed 2^53 - 1 travel as decimal strings, since many JSON readers hold numbers
as doubles: see `newral_kernels.numbers`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, TypeAlias

from newral_kernels.errors import ResultError

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"
Unit: TypeAlias = dict[str, JSON]
Result: TypeAlias = dict[str, JSON]
Level: TypeAlias = Literal["quick", "spot"]

UNITS_WANTED: Final = 40  # enough for a few providers to share even a short job
UNIT_COST_MIN_S: Final = 0.05  # below this, leasing a unit costs more than computing it
UNIT_COST_MAX_S: Final = 20.0  # above this, losing a unit hurts


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check established. Soundness and completeness are kept apart.

    `sound`: everything claimed as found was verified. `complete`: it was proved that nothing was
    left out. `covered`: the share, 0 to 1, of completeness that was verified. `why`: in words.
    """

    sound: bool
    complete: bool
    covered: float
    why: str

    @classmethod
    def proof(cls, why: str) -> Verdict:
        """The result is right."""
        return cls(sound=True, complete=True, covered=1.0, why=why)

    @classmethod
    def refutation(cls, why: str) -> Verdict:
        """The result is wrong."""
        return cls(sound=False, complete=False, covered=0.0, why=why)

    @classmethod
    def plausible(cls, why: str, covered: float) -> Verdict:
        """What was claimed holds; that nothing is missing was verified for the share `covered`."""
        return cls(sound=True, complete=False, covered=covered, why=why)

    @property
    def proved(self) -> bool:
        """Whether nothing about the result is left open."""
        return self.sound and self.complete

    @property
    def refuted(self) -> bool:
        """Whether the result is certainly wrong."""
        return not self.sound


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many units a job has, and what all of them cost in reference-core seconds."""

    units: int
    cost_s: float


class Kernel(abc.ABC):
    """One computation, named and versioned.

    `params` of every method but `validate` are params that `validate` returned, and a `unit` is one
    that `plan` yielded; a unit that is not raises `UnitError`. All methods are deterministic.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    summary: ClassVar[str]
    usage: ClassVar[str]
    """An example in the short form, or of the params where there is none."""
    positional: ClassVar[tuple[str, ...]]
    """The params, in order, of the short form: see `newral_kernels.command`."""
    params_help: ClassVar[Mapping[str, str]]
    """Every param that `validate` takes, with one line for people."""
    view: ClassVar[str] = "newral_kernels.view:View"
    """How answers are shown, as `module:Class`: a `newral_kernels.view.View`, loaded only where
    something is shown, and no part of the kernel's identity."""
    memory_bytes_max: ClassVar[int]
    """What `run` stays below, the interpreter included."""
    sources: ClassVar[tuple[str, ...]]
    """Modules whose text decides what the kernel computes: its identity."""

    def prepare(self) -> None:  # noqa: B027 - most kernels have nothing to prepare
        """Load, and compile where that was not yet done, what `run` needs.

        `run` does it, too; a node does it beforehand, so that no unit waits for a compiler.
        """

    @abc.abstractmethod
    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        """The params in normal form; idempotent. Raises `ParamsError`."""

    @abc.abstractmethod
    def plan(self, params: Mapping[str, JSON], start: int = 0) -> Iterator[Unit]:
        """The job's units in a fixed order, lazily, without the first `start` of them."""

    @abc.abstractmethod
    def estimate(self, params: Mapping[str, JSON]) -> Estimate:
        """The number of units that `plan` yields and the sum of their costs, without listing
        them where there could be more than some thousands."""

    @abc.abstractmethod
    def cost(self, unit: Mapping[str, JSON]) -> float:
        """The expected work in reference-core seconds."""

    @abc.abstractmethod
    def run(
        self,
        unit: Mapping[str, JSON],
        *,
        progress: Callable[[float], None],
        checkpoint: Callable[[JSON], None],
        resume: JSON | None = None,
    ) -> Result:
        """Compute. Reports progress from 0 to 1, and states from which to `resume` to the identical
        result. Raises `CheckpointError` when `resume` is no such state."""

    def check(
        self,
        unit: Mapping[str, JSON],
        result: object,
        level: Level = "quick",
        seed: bytes = b"",
    ) -> Verdict:
        """Verify a result that anybody may have made up; whatever it is, no exception.

        At level `spot` a share of the work is done again, chosen by `seed`: a value that nobody
        could predict when the result was committed to.
        """
        try:
            return self._verify(unit, result, level, seed)
        except ResultError as wrong:
            return Verdict.refutation(str(wrong))

    @abc.abstractmethod
    def _verify(
        self, unit: Mapping[str, JSON], result: object, level: Level, seed: bytes
    ) -> Verdict:
        """`check`, but free to raise `ResultError` where that refutes the result."""

    @abc.abstractmethod
    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:
        """Fold accepted results, or what earlier calls returned, into one answer.

        Associative and independent of order; of no parts it is the identity.
        """


def even_unit_cost(total_s: float) -> float:
    """The cost, in seconds, to aim at for each unit of a job that costs `total_s`."""
    return min(max(total_s / UNITS_WANTED, UNIT_COST_MIN_S), UNIT_COST_MAX_S)
