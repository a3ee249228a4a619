"""A job of the kernel `bpsw-class`: its params, read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from newral_kernels.errors import ParamsError
from newral_kernels.joint_search.conditions import DISCRIMINANTS, SIGNS, Conditions
from newral_kernels.joint_search.task import COFACTOR_STOP, PRIME_MIN, PRIME_STOP
from newral_kernels.kernel import JSON
from newral_kernels.numbers import parse_integer
from newral_kernels.reading import Record

EXACT_WIDTH_MAX: Final = 2**29  # of p: their orders and ranks are computed to plan, in some seconds


@dataclass(frozen=True, slots=True)
class Job:
    """The class of a job: n <= bound with a prime factor start <= p < stop."""

    conditions: Conditions
    bound: int
    start: int
    stop: int

    @classmethod
    def read(cls, params: Mapping[str, JSON]) -> Job:
        """Of params as a person writes them. Raises `ParamsError`."""
        record = Record(
            params,
            name="params",
            error=ParamsError,
            required=("bound", "start", "stop"),
            optional=("discriminant", "sign"),
        )
        start = parse_integer(
            record.get("start"), minimum=PRIME_MIN, maximum=PRIME_STOP - 1, field="start"
        )
        stop = parse_integer(
            record.get("stop"), minimum=start + 1, maximum=PRIME_STOP, field="stop"
        )
        bound = parse_integer(
            record.get("bound"), minimum=start, maximum=start * COFACTOR_STOP, field="bound"
        )
        conditions = Conditions(
            _choice(record, "discriminant", DISCRIMINANTS), _choice(record, "sign", SIGNS)
        )
        job = cls(conditions, bound, start, stop)
        if job.exact_stop - start > EXACT_WIDTH_MAX:
            raise ParamsError(
                "stop",
                f"p up to {job.exact_stop} can have many multiples, too many p to plan for",
                f"the most is {start + EXACT_WIDTH_MAX}: cut the range of p",
            )
        return job

    def params(self) -> dict[str, JSON]:
        """Their normal form."""
        return {
            "discriminant": str(self.conditions.discriminant),
            "sign": str(self.conditions.sign),
            "bound": str(self.bound),
            "start": str(self.start),
            "stop": str(self.stop),
        }

    @property
    def exact_stop(self) -> int:
        """From where on progressions are short: p·lcm(order, rank) is some p³/2 for sign −1, and at
        most p² for half of the primes for sign 1."""
        if self.conditions.sign < 0:
            least = math.ceil(math.cbrt(32 * self.bound))
        else:
            least = math.isqrt(8 * self.bound)
        return min(max(least, self.start), self.stop)


def _choice(record: Record, field: str, choices: tuple[int, ...]) -> int:
    """One of a few integers, by default the first."""
    given = record.get(field)
    if given is None:
        return choices[0]
    chosen = parse_integer(given, minimum=min(choices), maximum=max(choices), field=field)
    if chosen not in choices:
        right = f"choose from {', '.join(map(str, choices))}"
        raise ParamsError(field, f"{chosen} is not possible", right)
    return chosen
