"""What is known of a unit's first leaves: a checkpoint, and what a result is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from newral_kernels.commitment import encode_leaves
from newral_kernels.errors import CheckpointError
from newral_kernels.factoring.complete import prime_factors
from newral_kernels.joint_search.answer import COUNT_MAX, COUNTS, HITS_MAX, Answer, read_leaves
from newral_kernels.joint_search.hit import Hit, is_hit, is_pseudoprime
from newral_kernels.joint_search.task import BOUND_MAX, Task
from newral_kernels.kernel import JSON
from newral_kernels.numbers import decode_integer, decode_small_integer, encode_small_integer
from newral_kernels.reading import Record

if TYPE_CHECKING:
    from newral_kernels.joint_search.work import Outcome


@dataclass(slots=True)
class Progress:
    """`counts`: in the order of `COUNTS`; `hits`: the numbers, without their factors."""

    leaves: list[bytes] = field(default_factory=list)
    counts: list[int] = field(default_factory=lambda: [0] * len(COUNTS))
    hits: set[int] = field(default_factory=set)

    def add(self, task: Task, outcome: Outcome) -> None:
        """What was found in the leaves that follow."""
        self.leaves += outcome.leaves
        passed = [n for n in outcome.passed if is_pseudoprime(n)]
        self.hits.update(n for n in passed if is_hit(n, task.conditions))
        more = (
            outcome.primes,
            outcome.inadmissible,
            outcome.candidates,
            outcome.left_out,
            outcome.candidates if task.primes else 0,
            outcome.tested,
            len(passed),
        )
        self.counts = [a + b for a, b in zip(self.counts, more, strict=True)]

    def answer(self, task: Task) -> Answer:
        """Of a unit whose leaves are all there."""
        hits = [Hit.of(n, tuple(prime_factors(n)[0]), task.conditions) for n in self.hits]
        return Answer.of_task(task, self.counts, hits)

    def to_json(self) -> JSON:
        """The checkpoint."""
        return {
            "leaves": encode_leaves(self.leaves),
            "counts": [encode_small_integer(count) for count in self.counts],
            "hits": [str(n) for n in sorted(self.hits)],
        }

    @classmethod
    def read(cls, state: JSON, task: Task) -> Progress:
        """The inverse of `to_json`. Raises `CheckpointError`."""
        record = Record(
            state, name="checkpoint", error=CheckpointError, required=("leaves", "counts", "hits")
        )
        counts = record.array("counts", length_max=len(COUNTS))
        if len(counts) != len(COUNTS):
            raise CheckpointError("counts", "one is missing", f"there are {len(COUNTS)}")
        return cls(
            leaves=read_leaves(record.get("leaves"), task.leaves, CheckpointError),
            counts=[
                decode_small_integer(
                    count, minimum=0, maximum=COUNT_MAX, field="counts", error=CheckpointError
                )
                for count in counts
            ],
            hits={
                decode_integer(n, minimum=3, maximum=BOUND_MAX, field="hits", error=CheckpointError)
                for n in record.array("hits", length_max=HITS_MAX)
            },
        )
