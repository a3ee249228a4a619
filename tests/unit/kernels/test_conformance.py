"""The conformance suite finds what is wrong: for each check a kernel that fails it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, ClassVar

import pytest

from newral_kernels import conformance
from newral_kernels.conformance import (
    CHECKS,
    Check,
    Job,
    Violation,
    checking,
    declarations,
    planning,
    reducing,
    running,
)
from newral_kernels.conformance.alterations import alterations, deep
from newral_kernels.errors import CheckpointError, ParamsError, ResultError, UnitError
from newral_kernels.kernel import JSON, Estimate, Kernel, Level, Result, Unit, Verdict
from newral_kernels.reading import Record, identical

STEPS = 3


class Squares(Kernel):
    """Sum the squares below a bound, three numbers in a unit. Result: `count` and `sum`."""

    name: ClassVar[str] = "squares"
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = "Sum squares"
    usage: ClassVar[str] = '{"bound": 10}'
    positional: ClassVar[tuple[str, ...]] = ()
    params_help: ClassVar[Mapping[str, str]] = {"bound": "numbers are below it"}
    memory_bytes_max: ClassVar[int] = 2**28
    sources: ClassVar[tuple[str, ...]] = (__name__,)

    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        record = Record(params, name="params", error=ParamsError, required=("bound",))
        return {"bound": record.small_integer("bound", minimum=1, maximum=1000)}

    def plan(self, params: Mapping[str, JSON], start: int = 0) -> Iterator[Unit]:
        lows = range(0, int(str(params["bound"])), STEPS)
        return ({"low": low} for low in itertools.islice(lows, start, None))

    def estimate(self, params: Mapping[str, JSON]) -> Estimate:
        units = len(list(self.plan(params)))
        return Estimate(units, units * 0.5)

    def cost(self, unit: Mapping[str, JSON]) -> float:
        _low(unit)
        return 0.5

    def run(
        self,
        unit: Mapping[str, JSON],
        *,
        progress: Callable[[float], None],
        checkpoint: Callable[[JSON], None],
        resume: JSON | None = None,
    ) -> Result:
        low = _low(unit)
        done, total = (0, 0) if resume is None else _state(resume)
        for n in range(low + done, low + STEPS):
            done, total = done + 1, total + n * n
            checkpoint([done, total])
            progress(done / STEPS)
        return {"count": STEPS, "sum": total}

    def _verify(
        self, unit: Mapping[str, JSON], result: object, level: Level, seed: bytes
    ) -> Verdict:
        expected: Result = {"count": STEPS, "sum": sum(n * n for n in _range(unit))}
        if identical(result, expected):
            return Verdict.proof("summed again")
        return Verdict.refutation("another sum")

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:
        return {
            "count": sum(int(str(part["count"])) for part in parts),
            "sum": sum(int(str(part["sum"])) for part in parts),
        }


def _low(unit: Mapping[str, JSON]) -> int:
    record = Record(unit, name="unit", error=UnitError, required=("low",))
    return record.small_integer("low", minimum=0, maximum=1000)


def _range(unit: Mapping[str, JSON]) -> range:
    return range(_low(unit), _low(unit) + STEPS)


def _state(state: JSON) -> tuple[int, int]:
    match state:
        case [int(done), int(total)] if 0 <= done <= STEPS:
            return done, total
    raise CheckpointError("checkpoint", "it is none", "give one that was saved")


HERE = [check for check in CHECKS if check is not running.another_process_has_the_same_results]


@pytest.mark.parametrize("check", HERE, ids=lambda check: check.__name__)
def test_a_sound_kernel_passes(check: Check) -> None:
    check(Job(Squares(), {"bound": 10}))


class NoParamHelp(Squares):
    """It has a param that nobody explains."""

    params_help: ClassVar[Mapping[str, str]] = {}


class TooLarge(Squares):
    """No node would take it."""

    memory_bytes_max: ClassVar[int] = 2**40


class WithoutSources(Squares):
    """Its identity says nothing."""

    sources: ClassVar[tuple[str, ...]] = ("newral_kernels.kernel",)


class Doubling(Squares):
    """Its params change whenever they are validated."""

    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        return {"bound": int(str(super().validate(params)["bound"])) % 500 * 2 or 1}


class Lenient(Squares):
    """It takes params that it does not know."""

    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        return super().validate({"bound": params.get("bound", 10)})


class Crashing(Squares):
    """Params of the wrong type are its own error."""

    def validate(self, params: Mapping[str, JSON]) -> dict[str, JSON]:
        if not isinstance(params.get("bound", 1), int | None):
            raise TypeError("bound")
        return super().validate(params)


class Single(Squares):
    """It has one unit."""

    def plan(self, params: Mapping[str, JSON], start: int = 0) -> Iterator[Unit]:
        return itertools.islice(super().plan(params, start), 1)


class FromTheBeginning(Squares):
    """Its plan always starts at the first unit."""

    def plan(self, params: Mapping[str, JSON], start: int = 0) -> Iterator[Unit]:
        return super().plan(params)


class Guessing(Squares):
    """Its estimate is not what its plan says."""

    def estimate(self, params: Mapping[str, JSON]) -> Estimate:
        return Estimate(4, 2.1)


class Free(Squares):
    """Its units cost nothing."""

    def estimate(self, params: Mapping[str, JSON]) -> Estimate:
        return Estimate(4, 0.0)

    def cost(self, unit: Mapping[str, JSON]) -> float:
        return 0.0


class Trusting(Squares):
    """It computes whatever it is given."""

    def cost(self, unit: Mapping[str, JSON]) -> float:
        return 0.5


class Floating(Squares):
    """It has a mean beside the sum."""

    def run(self, unit: Mapping[str, JSON], **hooks: Any) -> Result:
        return {**super().run(unit, **hooks), "mean": 1.5}


class Wide(Squares):
    """Its sums are too large for many readers of JSON."""

    def run(self, unit: Mapping[str, JSON], **hooks: Any) -> Result:
        return {**super().run(unit, **hooks), "sum": 2**53}


class Counting(Squares):
    """Each run has another result."""

    runs: ClassVar[Iterator[int]] = itertools.count()

    def run(self, unit: Mapping[str, JSON], **hooks: Any) -> Result:
        return {**super().run(unit, **hooks), "sum": next(self.runs)}


class Halfway(Squares):
    """Its progress ends before the end."""

    def run(self, unit: Mapping[str, JSON], **hooks: Any) -> Result:
        progress = hooks["progress"]
        return super().run(unit, **{**hooks, "progress": lambda share: progress(share / 2)})


class Forgetful(Squares):
    """What was summed before a checkpoint is lost."""

    def run(self, unit: Mapping[str, JSON], *, resume: JSON | None = None, **hooks: Any) -> Result:
        state = None if resume is None else [_state(resume)[0], 0]
        return super().run(unit, resume=state, **hooks)


class Restarting(Squares):
    """It takes any state, and begins anew."""

    def run(self, unit: Mapping[str, JSON], *, resume: JSON | None = None, **hooks: Any) -> Result:
        return super().run(unit, **hooks)


class Severe(Squares):
    """It refutes everything."""

    def _verify(self, *_: Any) -> Verdict:
        return Verdict.refutation("no")


class Credulous(Squares):
    """It looks at one member only."""

    def _verify(self, unit: Mapping[str, JSON], result: object, *_: Any) -> Verdict:
        record = Record(result, name="result", error=ResultError, required=("count", "sum"))
        if record.get("sum") == sum(n * n for n in _range(unit)):
            return Verdict.proof("the sum is right")
        return Verdict.refutation("another sum")


class Indifferent(Squares):
    """It does not look at the unit."""

    def _verify(self, unit: Mapping[str, JSON], result: object, *_: Any) -> Verdict:
        record = Record(result, name="result", error=ResultError, required=("count", "sum"))
        record.small_integer("sum", minimum=0, maximum=10**9)
        return Verdict.proof("it is a number")


class Recursive(Squares):
    """It reads results with a recursive function."""

    def _verify(self, unit: Mapping[str, JSON], result: object, *rest: Any) -> Verdict:
        json.dumps(result)
        return super()._verify(unit, result, *rest)


class LastOnly(Squares):
    """Its answer depends on the order."""

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:
        return {"count": len(parts), "sum": dict(parts[-1])["sum"] if parts else 0}


class Uncounted(Squares):
    """Its answers have no count, and no view that knows better."""

    def reduce(self, params: Mapping[str, JSON], parts: Sequence[Mapping[str, JSON]]) -> Result:
        return {"count": "many", "sum": 0}


@pytest.mark.parametrize(
    ("kernel", "check"),
    [
        (NoParamHelp, declarations.it_says_what_it_is),
        (TooLarge, declarations.it_says_what_it_is),
        (WithoutSources, declarations.it_says_what_it_is),
        (Doubling, declarations.params_have_one_normal_form),
        (Lenient, declarations.other_params_are_refused),
        (Crashing, declarations.other_params_are_refused),
        (Single, planning.a_job_has_several_units),
        (FromTheBeginning, planning.a_plan_can_be_taken_up_anywhere),
        (Guessing, planning.the_estimate_is_the_sum_of_the_units),
        (Free, planning.the_estimate_is_the_sum_of_the_units),
        (Trusting, planning.garbage_is_no_unit),
        (Floating, running.everything_is_plain_json),
        (Wide, running.everything_is_plain_json),
        (Counting, running.a_unit_has_one_result),
        (Halfway, running.progress_rises_to_one),
        (Forgetful, running.a_unit_resumed_anywhere_has_the_same_result),
        (Restarting, running.a_unit_resumed_anywhere_has_the_same_result),
        (Restarting, running.garbage_is_no_checkpoint),
        (Severe, checking.true_results_are_accepted),
        (Credulous, checking.altered_results_are_refuted),
        (Indifferent, checking.other_units_results_are_refuted),
        (Recursive, checking.garbage_is_refuted),
        (LastOnly, reducing.reduce_depends_on_no_order),
        (Uncounted, reducing.an_answer_can_be_shown),
    ],
)
def test_what_breaks_a_promise_is_found(kernel: type[Kernel], check: Check) -> None:
    # What escapes from a kernel is as good as a violation.
    with pytest.raises((Violation, TypeError, RecursionError, AssertionError)):
        check(Job(kernel(), {"bound": 10}))


def test_for_each_check_there_is_a_kernel_that_fails_it() -> None:
    (mark,) = test_what_breaks_a_promise_is_found.pytestmark  # type: ignore[attr-defined]
    assert {check for _, check in mark.args[1]} == set(HERE)


MEMORY = """
from newral_kernels.korselt import Korselt

class Hungry(Korselt):
    def run(self, unit, **hooks):
        self.eaten = bytes(range(256)) * 2**20
        return super().run(unit, **hooks)

class Shuffled(Korselt):
    def run(self, unit, **hooks):
        return {**super().run(unit, **hooks), "checked": list({"a", "b", "c", "d", "e"})}
"""


@pytest.mark.parametrize(
    ("name", "message"), [("Hungry", "bytes of memory"), ("Shuffled", "other results")]
)
def test_another_process_shows_what_this_one_hides(
    name: str, message: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hidden_faults.py").write_text(MEMORY)
    monkeypatch.syspath_prepend(tmp_path)
    import hidden_faults  # type: ignore[import-not-found]

    kernel = getattr(hidden_faults, name)()
    items: JSON = [{"n": "561", "factors": [3, 11, 17]}]
    with pytest.raises(Violation, match=message):
        running.another_process_has_the_same_results(Job(kernel, {"items": items}))


def test_costs_can_be_measured() -> None:
    ratios = conformance.cost_ratios(Job(Squares(), {"bound": 10}))
    assert len(ratios) == 4
    assert all(0 <= ratio < 1 for ratio in ratios)


def test_alterations_are_all_over_the_value_and_the_same_each_time() -> None:
    value = {"count": 2, "items": [{"n": "561", "factors": [3, 11, 17]}], "digest": "0f" * 32}
    first, second = (list(alterations(value, Random(1), 200)) for _ in range(2))
    assert repr(first) == repr(second)
    assert len(first) == 200
    assert value["count"] == 2
    changed = {
        key
        for each in first
        if isinstance(each, dict)
        for key in value
        if key not in each or each[key] != value[key]
    }
    assert changed == set(value)
    assert isinstance(deep(), list)
