"""What `Kernel.check` says of results: true ones, altered ones, others' and garbage."""

from __future__ import annotations

from random import Random
from typing import Final

from newral_kernels.conformance.alterations import GARBAGE, alterations, deep
from newral_kernels.conformance.job import Job, encoded, require
from newral_kernels.kernel import JSON, Level, Verdict

ALTERATIONS: Final = 300
"""Of all results of a job together."""

LEVELS: Final[tuple[Level, ...]] = ("quick", "spot")


def true_results_are_accepted(job: Job) -> None:
    """At both levels; what is called complete is covered to the full."""
    for unit, result in zip(job.units, job.results, strict=True):
        for level in LEVELS:
            verdict = job.kernel.check(unit, result, level, job.spot_seed)
            require(verdict.sound, f"{level}: a true result is refuted: {verdict.why}")
            require(0 <= verdict.covered <= 1, f"covered is {verdict.covered}")
            require(verdict.complete == (verdict.covered == 1), f"{verdict} contradicts itself")
            require(verdict.why, "a verdict has no reason")


def altered_results_are_refuted(job: Job) -> None:
    """Whatever single thing is altered, at level quick: a result carries enough to be checked."""
    rng = Random(1)  # noqa: S311 - the same alterations each time
    share = max(ALTERATIONS // len(job.units), 10)
    for unit, result in zip(job.units, job.results, strict=True):
        for altered in alterations(result, rng, share):
            verdict = _checked(job, unit, altered)
            if _text(altered) != encoded(result):
                require(verdict.refuted and verdict.why, f"accepted: {_text(altered)[:1000]}")


def other_units_results_are_refuted(job: Job) -> None:
    """The result of one unit is not that of another."""
    for unit, result in zip(job.units, job.results, strict=True):
        for other in job.results:
            if encoded(other) != encoded(result):
                require(_checked(job, unit, other).refuted, f"another's result suits {unit}")


def garbage_is_refuted(job: Job) -> None:
    """With a reason, and without an exception, at both levels and in every field."""
    unit, result = job.units[0], job.results[0]
    for garbage in (*GARBAGE, deep()):
        for level in LEVELS:
            verdict = job.kernel.check(unit, garbage, level, job.spot_seed)
            require(verdict.refuted and verdict.why, f"{level}: garbage is accepted")
    for field in result:
        verdict = _checked(job, unit, {**result, field: deep()})
        require(verdict.refuted, f"an endless {field} is accepted")


def _checked(job: Job, unit: dict[str, JSON], result: object) -> Verdict:
    return job.kernel.check(unit, result)


def _text(value: object) -> str:
    try:
        return encoded(value)
    except (TypeError, ValueError):
        return repr(value)
