"""Workflows: a directed acyclic graph of stages."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from newral_spec import limits
from newral_spec.canonical import NotCanonical, canonical_json
from newral_spec.messages.fields import InvalidMessage, Json, Name, Version


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a stage runs: a test on one field of an upstream stage's output.

    `nonempty` and `empty` test a list; `positive` and `zero` test an integer, which may be
    written as a decimal string.
    """

    stage: Name
    field: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    test: Literal["nonempty", "empty", "positive", "zero"]


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One node of the graph: a kernel and its parameters.

    It is encoded with all of its members: workflows are compared by the hash of that.

    Without a version it means the one that the coordinator announces.

    It starts when the stages of `needs`, `foreach` and `when` have ended. With `foreach` the
    upstream output's `items` become this stage's parameter `items`. When `when` does not hold, or
    an upstream stage was skipped, the stage is skipped.
    """

    id: Name
    kernel: Name
    version: Version | None = None
    params: Json = {}
    needs: Annotated[tuple[Name, ...], msgspec.Meta(max_length=limits.STAGES_MAX)] = ()
    foreach: Name | None = None
    when: Condition | None = None

    @property
    def upstream(self) -> frozenset[str]:
        """The stages that must end before this one starts."""
        named = set(self.needs)
        if self.foreach is not None:
            named.add(self.foreach)
        if self.when is not None:
            named.add(self.when.stage)
        return frozenset(named)


Workflow = Annotated[tuple[Stage, ...], msgspec.Meta(min_length=1, max_length=limits.STAGES_MAX)]


def check_workflow(stages: tuple[Stage, ...]) -> None:
    """Raises `InvalidMessage` unless the stages form a DAG with canonical parameters.

    Codes: `empty_workflow`, `too_many_stages`, `duplicate_stage`, `missing_dependency`,
    `cyclic_workflow`, `params`.
    """
    if not stages:
        raise InvalidMessage("empty_workflow", "a workflow has at least one stage")
    if len(stages) > limits.STAGES_MAX:
        raise InvalidMessage(
            "too_many_stages", f"a workflow has at most {limits.STAGES_MAX} stages"
        )
    names = [stage.id for stage in stages]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InvalidMessage("duplicate_stage", f"stage {repeated!r} is defined twice")
    for stage in stages:
        _check_stage(stage, frozenset(names))
    topological_order(stages)


def _check_stage(stage: Stage, names: frozenset[str]) -> None:
    missing = sorted(stage.upstream - names)
    if missing:
        raise InvalidMessage(
            "missing_dependency",
            f"stage {stage.id!r} depends on {missing[0]!r}, which is not there",
        )
    if stage.foreach is not None and "items" in stage.params:
        raise InvalidMessage(
            "params", f"stage {stage.id!r} gets its items from foreach and must not set them"
        )
    if stage.when is not None and "\0" in stage.when.field:
        raise InvalidMessage("params", f"stage {stage.id!r} tests a field with a NUL in its name")
    try:
        canonical_json(stage.params)
    except NotCanonical as error:
        raise InvalidMessage("params", f"params of stage {stage.id!r}: {error}") from error


def topological_order(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages, each after those it depends on (Kahn). Raises `InvalidMessage` on a cycle."""
    remaining = list(stages)
    done: set[str] = set()
    ordered: list[Stage] = []
    while remaining:
        free = [stage for stage in remaining if stage.upstream <= done]
        if not free:
            cycle = ", ".join(sorted(stage.id for stage in remaining))
            raise InvalidMessage("cyclic_workflow", f"these stages wait for each other: {cycle}")
        ordered.extend(free)
        done.update(stage.id for stage in free)
        remaining = [stage for stage in remaining if stage.id not in done]
    return tuple(ordered)
