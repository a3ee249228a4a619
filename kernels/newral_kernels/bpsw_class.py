"""Kernel `bpsw-class`: whether numbers of a class, with a prime factor in a range, pass both tests
that Baillie-PSW is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from newral_kernels.commitment import opened
from newral_kernels.joint_search.answer import Answer, read_result, reduced, unit_result
from newral_kernels.joint_search.conditions import DISCRIMINANTS
from newral_kernels.joint_search.hit import is_hit
from newral_kernels.joint_search.job import Job
from newral_kernels.joint_search.progress import Progress
from newral_kernels.joint_search.statement import statement
from newral_kernels.joint_search.task import Task
from newral_kernels.kernel import JSON, Estimate, Kernel, Level, Result, Unit, Verdict

STEPS: Final = 16  # of a unit, after each of which there is a checkpoint


class BpswClass(Kernel):
    """Find all composite n <= bound with (D/n) = sign and a prime factor start <= p < stop that are
    Fermat pseudoprimes to base 2 and Lucas pseudoprimes with discriminant D, P = 1.

    With sign −1 none is known; with 1 there are some, which shows that the search can find.

    Result of a unit: `ranges` of p, searched but for the primes with too many terms, which units of
    their own make up for; counts: `primes` of the ranges, those `inadmissible`, of which no n can
    be a multiple, `candidates` in the classes that the others leave, those `left_out` for other
    units and `made_up` for others, those `tested` after a sieve, and how many of these passed
    `fermat`; `hits`, with factors and the stricter tests that they pass; `leaves` and `digest`, to
    which the work is committed.

    A reduced answer has no leaves; its `digest` is the sum of the units' modulo 2^256. Its
    `statement` says as a theorem what was computed, once there are no gaps.
    """

    name: ClassVar[str] = "bpsw-class"
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = "Search a class of numbers for one that passes Baillie-PSW"
    usage: ClassVar[str] = "bpsw-class 10^15 10^4 10^5"
    positional: ClassVar[tuple[str, ...]] = ("bound", "start", "stop")
    params_help: ClassVar[Mapping[str, str]] = {
        "bound": "the largest number; at most 2^61 times start",
        "start": "the least prime factor p, 3 or more",
        "stop": "the end of the range of p, itself not in it; at most 2^32",
        "discriminant": f"of the Lucas sequence: {', '.join(map(str, DISCRIMINANTS))}",
        "sign": "(discriminant/n): -1 for the real search, 1 for a control with known findings",
    }
    view: ClassVar[str] = "newral_kernels.bpsw_class_view:BpswClassView"
    memory_bytes_max: ClassVar[int] = 512 * 2**20
    sources: ClassVar[tuple[str, ...]] = (
        "newral_kernels.errors",
        "newral_kernels.kernel",
        "newral_kernels.numbers",
        "newral_kernels.commitment",
        "newral_kernels.reading",
        "newral_kernels.certificates.forms",
        "newral_kernels.gmp",
        "newral_kernels.sieve",
        "newral_kernels.certificates.small",
        "newral_kernels.certificates.ecpp_check",
        "newral_kernels.certificates.n_minus_1_check",
        "newral_kernels.certificates.verify",
        "newral_kernels.criterion",
        "newral_kernels.joint_search",
        "newral_kernels.joint_search.conditions",
        "newral_kernels.joint_search.task",
        "newral_kernels.primality",
        "newral_kernels.joint_search.hit",
        "newral_kernels.joint_search.answer",
        "newral_kernels.joint_search.job",
        "newral_kernels.factoring.p_minus_1",
        "newral_kernels.factoring.ecm",
        "newral_kernels.factoring.multiples",
        "newral_kernels.factoring.rho",
        "newral_kernels.factoring.small_factors",
        "newral_kernels.jit",
        "newral_kernels.words",
        "newral_kernels.double_words",
        "newral_kernels.factoring.compiled_ecm",
        "newral_kernels.factoring.curves",
        "newral_kernels.factoring.complete",
        "newral_kernels.joint_search.tables",
        "newral_kernels.joint_search.progression",
        "newral_kernels.borrowing",
        "newral_kernels.float_residues",
        "newral_kernels.powers",
        "newral_kernels.orders",
        "newral_kernels.ranks",
        "newral_kernels.joint_search.primes",
        "newral_kernels.joint_search.cofactors",
        "newral_kernels.joint_search.fermat",
        "newral_kernels.joint_search.search",
        "newral_kernels.joint_search.work",
        "newral_kernels.joint_search.progress",
        "newral_kernels.joint_search.statement",
        "newral_kernels.joint_search.cost",
        "newral_kernels.joint_search.planner",
        "newral_kernels.joint_search.plan",
        "newral_kernels.bpsw_class",
    )

    def prepare(self) -> None:
        from newral_kernels.joint_search import work

        work.prepare()

    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        return Job.read(params).params()

    def plan(self, params: Mapping[str, JSON], start: int = 0) -> Iterator[Unit]:
        from newral_kernels.joint_search.plan import runs

        for run in runs(Job.read(params)):
            for index in range(start, run.count):
                yield run.unit(index).to_json()
            start = max(start - run.count, 0)

    def estimate(self, params: Mapping[str, JSON]) -> Estimate:
        from newral_kernels.joint_search.plan import runs

        units, cost_us = 0, 0
        for run in runs(Job.read(params)):
            units += run.count
            cost_us += run.cost_us()
        return Estimate(units, cost_us / 10**6)

    def cost(self, unit: Mapping[str, JSON]) -> float:
        return Task.read(unit).cost_us / 10**6

    def run(
        self,
        unit: Mapping[str, JSON],
        *,
        progress: Callable[[float], None],
        checkpoint: Callable[[JSON], None],
        resume: JSON | None = None,
    ) -> Result:
        from newral_kernels.joint_search.work import examine

        task = Task.read(unit)
        done = Progress() if resume is None else Progress.read(resume, task)
        cuts = sorted({task.leaves * step // STEPS for step in range(STEPS + 1)})
        for end in cuts:
            if end <= len(done.leaves):
                continue
            done.add(task, examine(task, len(done.leaves), end))
            if end < task.leaves:
                checkpoint(done.to_json())
            progress(end / task.leaves)
        return unit_result(task, done.answer(task), done.leaves)

    def _verify(
        self, unit: Mapping[str, JSON], result: object, level: Level, seed: bytes
    ) -> Verdict:
        task = Task.read(unit)
        answer, leaves = read_result(task, result)
        if level == "quick":
            return Verdict.plausible(f"the counts agree, {len(answer.hits)} hits are proved", 0.0)
        return _spot_check(task, answer, leaves, opened(unit, len(leaves), seed))

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:
        job = Job.read(params)
        answer, digest = reduced(parts)
        return {
            **answer.to_json(),
            "digest": f"{digest:064x}",
            "statement": statement(job.conditions, job.bound, answer),
        }


def _spot_check(
    task: Task, answer: Answer, leaves: Sequence[bytes], chosen: Sequence[int]
) -> Verdict:
    from newral_kernels.joint_search.work import examine

    listed = {hit.n for hit in answer.hits}
    again = Progress()
    for index in chosen:
        outcome = examine(task, index, index + 1)
        if outcome.leaves != [leaves[index]]:
            return Verdict.refutation(f"leaf {index}, computed again, came out differently")
        for n in outcome.passed:
            if n not in listed and is_hit(n, task.conditions):
                return Verdict.refutation(f"{n}, in leaf {index}, is not listed")
        again.add(task, outcome)
    if len(chosen) < len(leaves):
        return Verdict.plausible(
            f"{len(chosen)} of {len(leaves)} leaves, computed again, agree",
            len(chosen) / len(leaves),
        )
    if tuple(again.counts) != answer.counts:
        return Verdict.refutation("the counts, computed again, came out differently")
    if again.hits != listed:
        return Verdict.refutation(f"{min(listed - again.hits)} is no hit of this unit")
    return Verdict.proof("all of it was computed again and agrees")
