"""A small job of a kernel, done once: what the checks of this package look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from newral_kernels.kernel import JSON, Kernel, Result, Unit


class Violation(AssertionError):
    """The kernel breaks a promise; the message says which, and where."""


def require(condition: object, broken: str) -> None:
    """Raises `Violation` unless the condition is true."""
    if not condition:
        raise Violation(broken)


@dataclass
class Job:
    """An example: a kernel and params as a requester writes them.

    Choose a job of several units that takes a second or two at most, with everything in it that
    results can have; a unit is computed some dozens of times.
    """

    kernel: Kernel
    written_params: Mapping[str, JSON]
    spot_seed: bytes = field(default=b"conformance", kw_only=True)

    @cached_property
    def params(self) -> dict[str, JSON]:
        """In normal form."""
        return self.kernel.validate(self.written_params)

    @cached_property
    def units(self) -> list[Unit]:
        """The whole plan."""
        return list(self.kernel.plan(self.params))

    @cached_property
    def results(self) -> list[Result]:
        """One for each unit."""
        return [self.compute(unit) for unit in self.units]

    def compute(self, unit: Mapping[str, JSON], **hooks: Any) -> Result:
        """Run a unit, with `progress`, `checkpoint` and `resume` where they are given."""
        return self.kernel.run(unit, **{"progress": _ignore, "checkpoint": _ignore, **hooks})


Check: TypeAlias = Callable[[Job], None]


def encoded(value: object) -> str:
    """The same text for the same JSON value: types count, the order of members does not."""
    return json.dumps(value, sort_keys=True)


def _ignore(_: object) -> None:
    """Nobody listens."""
