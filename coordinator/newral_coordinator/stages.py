"""How a workflow moves on: which stages start, what they plan, what they have found."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from newral_coordinator.model import StageRun, Unit
from newral_coordinator.states import StageState, UnitState
from newral_kernels.kernel import Kernel
from newral_spec import limits, trail
from newral_spec.canonical import canonical_json, json_hash, parse_json, sha256_hex
from newral_spec.messages import Condition

Output = Mapping[str, Any]


class StageFailed(Exception):
    """The stage can never be completed: what is upstream does not give it what it needs."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that must be in the blob store before what names them is committed."""

    data: bytes

    @property
    def sha256(self) -> str:
        return sha256_hex(self.data)


def is_due(stage: StageRun, stages: Mapping[str, StageRun]) -> bool:
    """Whether all that a blocked stage depends on has ended."""
    return stage.state is StageState.BLOCKED and all(
        stages[name].ended for name in stage.definition.upstream
    )


def start(
    stage: StageRun,
    stages: Mapping[str, StageRun],
    outputs: Mapping[str, Output],
    kernel: Kernel,
) -> StageRun:
    """A due stage, running or skipped. `outputs` are those of its upstream stages that are done.

    Raises `StageFailed` when the upstream output lists nothing or the kernel refuses what it lists.
    """
    if any(stages[name].state is StageState.SKIPPED for name in stage.definition.upstream):
        return stage.evolve(StageState.SKIPPED, "a stage that it depends on was skipped")
    when = stage.definition.when
    if when is not None and not holds(when, outputs[when.stage]):
        return stage.evolve(StageState.SKIPPED, "its condition does not hold")
    params = dict(stage.definition.params)
    if stage.definition.foreach is not None:
        params["items"] = _items(stage, outputs[stage.definition.foreach])
    try:
        params = kernel.validate(params)
    except ValueError as error:
        raise StageFailed(f"stage {stage.name!r}: {error}") from error
    return stage.evolve(
        StageState.RUNNING,
        "what it depends on has ended",
        params=canonical_json(params),
        cost_s=kernel.estimate(params).cost_s,
        partial=canonical_json(kernel.reduce(params, [])),
    )


def _items(stage: StageRun, upstream: Output) -> list[Any]:
    """What was listed, or by a search what it found."""
    for member in ("items", "hits"):
        items = upstream.get(member)
        if isinstance(items, list):
            return items
    raise StageFailed(
        f"stage {stage.name!r}: the output of {stage.definition.foreach!r} has no list 'items'"
    )


def holds(condition: Condition, output: Output) -> bool:
    """Whether the condition holds for the upstream output. A missing field is empty and zero."""
    value = output.get(condition.field)
    if condition.test in ("nonempty", "empty"):
        filled = isinstance(value, list | dict | str) and len(value) > 0
        return filled == (condition.test == "nonempty")
    number = _integer(value)
    return number > 0 if condition.test == "positive" else number == 0


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return 0
    try:
        return int(value)
    except ValueError:
        return 0


def plan(
    stage: StageRun, kernel: Kernel, units: Iterator[dict[str, Any]], count: int
) -> tuple[StageRun, list[Unit], list[Blob]]:
    """Take the next `count` units from the stage's plan, of which `stage.planned` are taken.

    `units` is the kernel's plan from there on, kept between calls.
    """
    planned: list[Unit] = []
    blobs: list[Blob] = []
    for spec in itertools.islice(units, count):
        unit, blob = _unit(stage, stage.planned + len(planned), kernel, spec)
        planned.append(unit)
        if blob is not None:
            blobs.append(blob)
    return (
        replace(stage, planned=stage.planned + len(planned), exhausted=len(planned) < count),
        planned,
        blobs,
    )


def _unit(
    stage: StageRun, position: int, kernel: Kernel, spec: dict[str, Any]
) -> tuple[Unit, Blob | None]:
    data = canonical_json(spec)
    blob = Blob(data) if len(data) > limits.INLINE_UNIT_BYTES_MAX else None
    unit = Unit(
        id=trail.unit_id(stage.job, stage.name, position),
        job=stage.job,
        stage=stage.name,
        position=position,
        state=UnitState.READY,
        kernel=kernel.name,
        version=kernel.version,
        spec_sha256=json_hash(
            {"kernel": kernel.name, "version": kernel.version, "unit": sha256_hex(data)}
        ),
        cost_s=kernel.cost(spec),
        spec=None if blob else data,
        blob_sha256=blob.sha256 if blob else None,
        blob_size=len(data) if blob else None,
    )
    return unit, blob


def fold(
    stage: StageRun, kernel: Kernel, units: Sequence[Unit], results: Sequence[bytes]
) -> tuple[StageRun, list[Unit]]:
    """Fold the accepted results of `units` into the stage's partial output."""
    assert stage.params is not None
    assert stage.partial is not None
    parts = [parse_json(stage.partial), *(parse_json(result) for result in results)]
    partial = canonical_json(kernel.reduce(parse_json(stage.params), parts))
    folded = [replace(unit, folded=True) for unit in units]
    return replace(stage, partial=partial, folded=stage.folded + len(units)), folded


def is_complete(stage: StageRun) -> bool:
    """Whether every unit of the stage's plan is accepted and folded."""
    return stage.state is StageState.RUNNING and stage.exhausted and stage.folded == stage.planned


def finish(stage: StageRun) -> tuple[StageRun, Blob]:
    """The completed stage and its output."""
    assert stage.partial is not None
    output = Blob(stage.partial)
    done = stage.evolve(
        StageState.DONE,
        "all of its units are accepted",
        output_sha256=output.sha256,
        output_size=len(output.data),
        partial=None,
    )
    return done, output


def job_output(stages: Sequence[StageRun], outputs: Mapping[str, Output]) -> Blob:
    """The answer of a completed job: the output of its last stage.

    Where several stages that ran have nothing after them, it is an object of their outputs by
    name.
    """
    ran = [stage for stage in stages if stage.state is StageState.DONE]
    consumed = set().union(*(stage.definition.upstream for stage in ran)) if ran else set()
    last = [stage for stage in ran if stage.name not in consumed]
    if len(last) == 1:
        return Blob(canonical_json(outputs[last[0].name]))
    return Blob(canonical_json({stage.name: outputs[stage.name] for stage in last}))


def progress(stages: Sequence[StageRun], estimated_s: float) -> float:
    """How much of the job is done, 0 to 1, by the cost of accepted units.

    Stages whose cost is not known yet make the total grow when they start; `estimated_s` is what
    could be foreseen when the job was taken.
    """
    total = max(estimated_s, sum(stage.cost_s for stage in stages))
    done = sum(stage.accepted_cost_s for stage in stages)
    waiting = sum(not stage.ended for stage in stages)
    if not waiting:
        return 1.0
    return min(done / total if total > 0 else 0.0, 0.99)


def remaining_seconds(share: float, elapsed_s: int) -> int | None:
    """An estimate from the pace so far; None before there is one."""
    if share < 0.01 or elapsed_s < 2:
        return None
    return round(elapsed_s * (1 - share) / share)
