"""How a kernel's answers are shown to people: as one number, as a table, as a picture.

A kernel names its view in `Kernel.view`. Views are pure: they neither draw nor write.
"""

from __future__ import annotations

import importlib
import itertools
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, TypeAlias

from newral_kernels.kernel import JSON, Kernel

Kind: TypeAlias = Literal["integer", "integers", "text"]
Cell: TypeAlias = int | Sequence[int] | str
Point: TypeAlias = tuple[float, float]


class Column(NamedTuple):
    """Of a table: an integer of any size, a list of such, or a text in each row."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points of a picture, by ascending x; joined to a line, or standing alone."""

    label: str
    points: tuple[Point, ...]
    joined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A picture. `logarithmic`: both axes are."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    logarithmic: bool


class View:
    """What every answer has: a count. Kernels with more to show derive from it."""

    columns: ClassVar[tuple[Column, ...]] = ()
    """Of the table of findings; none where there is no table."""

    def count(self, answer: Mapping[str, JSON]) -> int:
        """How many things were found."""
        count = answer["count"]
        assert isinstance(count, int)
        return count

    def rows(self, answer: Mapping[str, JSON]) -> Iterator[tuple[Cell, ...]]:  # noqa: ARG002
        """The table's rows, a cell for each column."""
        return iter(())

    def counts(
        self,
        params: Mapping[str, JSON],  # noqa: ARG002
        answer: Mapping[str, JSON],  # noqa: ARG002
    ) -> list[tuple[int, int]]:
        """Pairs (bound, findings below it), ascending; empty where that says nothing."""
        return []

    def plot(
        self,
        params: Mapping[str, JSON],  # noqa: ARG002
        answer: Mapping[str, JSON],  # noqa: ARG002
    ) -> Plot | None:
        """The answer as a picture; None where the kernel has none."""
        return None


class FactoredView(View):
    """Of answers whose `items` are numbers with their prime factors: see `criterion.Factored`."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column("n", "integer"),
        Column("factors", "integers"),
    )

    def rows(self, answer: Mapping[str, JSON]) -> Iterator[tuple[Cell, ...]]:
        """`n` and its prime factors, ascending."""
        for item in objects(answer, "items"):
            factors = item["factors"]
            assert isinstance(factors, list)
            yield int(str(item["n"])), [int(str(factor)) for factor in factors]

    def counts(
        self, params: Mapping[str, JSON], answer: Mapping[str, JSON]
    ) -> list[tuple[int, int]]:
        """Below each power of ten, from the first that anything is below, and below the bound."""
        found = numbers(answer)
        bound = int(str(params.get("bound") or params.get("stop") or 0))
        if not found or not bound:
            return []
        powers = itertools.takewhile(lambda x: x < bound, powers_of_ten(found[0]))
        return counted(found, [*powers, bound])


def load(kernel: Kernel) -> View:
    """The kernel's view. Raises `ImportError` or `AttributeError` when there is none such."""
    module, _, name = kernel.view.partition(":")
    view = getattr(importlib.import_module(module), name)()
    assert isinstance(view, View)
    return view


def objects(answer: Mapping[str, JSON], member: str) -> Iterator[dict[str, JSON]]:
    """The objects of the answer's array `member`."""
    array = answer[member]
    assert isinstance(array, list)
    for value in array:
        assert isinstance(value, dict)
        yield value


def numbers(answer: Mapping[str, JSON]) -> list[int]:
    """The n of all `items`, ascending."""
    return sorted(int(str(item["n"])) for item in objects(answer, "items"))


def counted(found: Sequence[int], bounds: Iterable[int]) -> list[tuple[int, int]]:
    """How many of the numbers, ascending, are below each bound."""
    return [(bound, bisect_left(found, bound)) for bound in bounds]


def powers_of_ten(above: int) -> Iterator[int]:
    """10^k > above, ascending, without end."""
    return (10**k for k in itertools.count(len(str(above))))
