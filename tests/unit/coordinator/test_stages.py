"""How a workflow moves on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newral_coordinator import stages
from newral_coordinator.model import StageRun
from newral_coordinator.stages import StageFailed
from newral_coordinator.states import StageState
from newral_kernels import registry
from newral_spec.canonical import canonical_json, parse_json
from newral_spec.messages import Condition, Stage

KERNEL = registry.get("carmichael")
JOB = "ab" * 32


def run_of(name: str, state: StageState, **definition: Any) -> StageRun:
    """A stage of a job."""
    stage = Stage(id=name, kernel="carmichael", **definition)
    return StageRun(job=JOB, name=name, position=0, state=state, definition=stage)


def running(bound: str) -> StageRun:
    """A running stage of carmichael numbers below a bound."""
    blocked = run_of("s", StageState.BLOCKED, params={"bound": bound})
    return stages.start(blocked, {"s": blocked}, {}, KERNEL)


@pytest.mark.parametrize(
    ("test", "value", "expected"),
    [
        ("nonempty", [1], True),
        ("nonempty", [], False),
        ("nonempty", None, False),
        ("empty", {}, True),
        ("empty", "x", False),
        ("positive", 1, True),
        ("positive", "18446744073709551616", True),
        ("positive", "0", False),
        ("positive", "many", False),
        ("positive", True, False),
        ("zero", 0, True),
        ("zero", -1, False),
    ],
)
def test_a_condition_tests_one_field(test: Any, value: Any, expected: bool) -> None:
    condition = Condition(stage="a", field="x", test=test)
    assert stages.holds(condition, {} if value is None else {"x": value}) is expected


def test_a_stage_waits_for_all_that_it_depends_on() -> None:
    merge = run_of("merge", StageState.BLOCKED, needs=("a",), foreach="b")
    runs = {
        "a": run_of("a", StageState.DONE),
        "b": run_of("b", StageState.RUNNING),
        "merge": merge,
    }
    assert not stages.is_due(merge, runs)
    assert stages.is_due(merge, {**runs, "b": run_of("b", StageState.SKIPPED)})


def test_what_depends_on_a_skipped_stage_is_skipped() -> None:
    follow = run_of("f", StageState.BLOCKED, needs=("a",), params={"bound": "10^3"})
    runs = {"a": run_of("a", StageState.SKIPPED), "f": follow}
    assert stages.start(follow, runs, {}, KERNEL).state is StageState.SKIPPED


def test_an_upstream_output_without_items_fails_the_job() -> None:
    follow = run_of("f", StageState.BLOCKED, foreach="a")
    runs = {"a": run_of("a", StageState.DONE), "f": follow}
    with pytest.raises(StageFailed, match="no list 'items'"):
        stages.start(follow, runs, {"a": {"count": 3}}, KERNEL)


FOLLOW_UP = Condition(stage="search", field="hits", test="nonempty")


def follow_up(output: dict[str, Any]) -> StageRun:
    """The stage that factors what a search claims to be Baillie-PSW pseudoprimes."""
    follow = run_of("f", StageState.BLOCKED, foreach="search", when=FOLLOW_UP)
    runs = {"search": run_of("search", StageState.DONE), "f": follow}
    return stages.start(follow, runs, {"search": output}, registry.get("factor"))


def test_claimed_pseudoprimes_are_factored() -> None:
    stage = follow_up({"count": 1, "hits": [{"n": "2047", "witness": 3}]})
    assert stage.state is StageState.RUNNING
    assert stage.params is not None
    assert parse_json(stage.params) == {"items": ["2047"]}


def test_without_pseudoprimes_nothing_is_factored() -> None:
    assert follow_up({"count": 0, "hits": []}).state is StageState.SKIPPED


@settings(max_examples=20)
@given(st.lists(st.integers(min_value=1, max_value=5), min_size=1, max_size=30), st.data())
def test_planning_in_pieces_is_planning_at_once(pieces: list[int], data: st.DataObject) -> None:
    stage = running("10^9")
    assert stage.params is not None
    whole = list(KERNEL.plan(parse_json(stage.params)))
    positions: list[int] = []
    specs: list[Any] = []
    units = KERNEL.plan(parse_json(stage.params), 0)
    for count in [*pieces, len(whole) + 1]:
        if data.draw(st.booleans()):  # A restart loses the iterator, not the place.
            units = KERNEL.plan(parse_json(stage.params), stage.planned)
        stage, planned, _ = stages.plan(stage, KERNEL, units, count)
        positions += [unit.position for unit in planned]
        specs += [parse_json(unit.spec or b"null") for unit in planned]
    assert stage.exhausted
    assert positions == list(range(len(whole)))
    assert specs == whole


def test_a_stage_is_complete_when_all_of_its_plan_is_folded() -> None:
    stage = running("10^5")
    assert stage.params is not None
    params = parse_json(stage.params)
    stage, units, _ = stages.plan(stage, KERNEL, KERNEL.plan(params), 100)
    assert not stages.is_complete(stage)
    results = [
        KERNEL.run(parse_json(unit.spec or b""), progress=lambda _: None, checkpoint=lambda _: None)
        for unit in units
    ]

    stage, folded = stages.fold(stage, KERNEL, units, [canonical_json(r) for r in results])
    assert stages.is_complete(stage)
    assert all(unit.folded for unit in folded)
    done, output = stages.finish(stage)
    assert done.output_sha256 == output.sha256
    assert parse_json(output.data)["count"] == 16


def test_the_answer_is_the_last_stages_output() -> None:
    a, b = run_of("a", StageState.DONE), run_of("b", StageState.DONE, foreach="a")
    skipped = run_of("c", StageState.SKIPPED, needs=("b",))
    outputs = {"a": {"count": 1}, "b": {"count": 2}}
    assert parse_json(stages.job_output([a, b, skipped], outputs).data) == {"count": 2}
    other = run_of("d", StageState.DONE)
    both = stages.job_output([a, b, other], {**outputs, "d": {"count": 3}})
    assert parse_json(both.data) == {"b": {"count": 2}, "d": {"count": 3}}


def test_progress_never_claims_the_end_before_it() -> None:
    stage = running("10^6")
    assert stages.progress([stage], stage.cost_s) == 0.0

    done = replace(stage, accepted_cost_s=stage.cost_s * 2)
    assert stages.progress([done], stage.cost_s) == 0.99
    assert stages.remaining_seconds(0.25, 30) == 90
    assert stages.remaining_seconds(0.0, 30) is None
