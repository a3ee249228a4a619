"""How results become one answer."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from newral_kernels import view
from newral_kernels.conformance.job import Job, encoded, require
from newral_kernels.kernel import Result

ORDERS: Final = 10
"""In which the parts are folded."""


def reduce_depends_on_no_order(job: Job) -> None:
    """It is associative and commutative, and of no parts it is the identity."""

    def reduce(parts: Sequence[Result]) -> Result:
        return job.kernel.reduce(job.params, parts)

    whole, identity = reduce(job.results), reduce([])

    def same(answer: Result, how: str) -> None:
        require(encoded(answer) == encoded(whole), f"{how}, the answer differs")

    same(reduce([whole]), "reduced again")
    same(reduce([identity, whole]), "with the identity before it")
    same(reduce([whole, identity]), "with the identity after it")
    rng = Random(7)  # noqa: S311 - the same orders each time
    for _ in range(ORDERS):
        parts = rng.sample(job.results, len(job.results))
        cut = rng.randrange(len(parts) + 1)
        same(reduce(parts), "in another order")
        same(reduce([reduce(parts[:cut]), reduce(parts[cut:])]), "in two parts")
        same(reduce([*parts[:cut], reduce(parts[cut:])]), "in nested parts")
    require(whole.keys() == identity.keys(), "the identity has other members than the answer")


def an_answer_can_be_shown(job: Job) -> None:
    """Its view counts it, and every row has a cell for each column; of the identity too."""
    shown = view.load(job.kernel)
    for answer in (job.kernel.reduce(job.params, job.results), job.kernel.reduce(job.params, [])):
        count = shown.count(answer)
        require(type(count) is int and count >= 0, f"the count is {count!r}")
        for row in shown.rows(answer):
            require(len(row) == len(shown.columns), f"{row} does not fit {shown.columns}")
        shown.counts(job.params, answer)
        shown.plot(job.params, answer)
