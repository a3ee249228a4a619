"""What every kernel promises, whatever it computes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from newral_kernels import bpsw_result, carmichael, carmichael_search, korselt
from newral_kernels.errors import CheckpointError, ParamsError, UnitError
from newral_kernels.kernel import JSON, Kernel
from newral_kernels.registry import get, kernels

CARMICHAEL_NUMBERS: list[JSON] = [
    {"n": "561", "factors": [3, 11, 17]},
    {"n": "1105", "factors": [5, 13, 17]},
    {"n": "1729", "factors": [7, 13, 19]},
    {"n": "2465", "factors": [5, 17, 29]},
    {"n": "2821", "factors": [7, 13, 31]},
    {"n": "225", "factors": [3, 5, 15]},
    {"n": "561", "factors": [3, 11, 17]},
]

# Small jobs of several units, with every feature: pseudoprimes, rejected claims, duplicates.
PARAMS: dict[str, dict[str, JSON]] = {
    "bpsw": {"start": "2^64", "stop": "2^64+100_001"},
    "carmichael": {"bound": "10^9", "start": 1000},
    "korselt": {"items": CARMICHAEL_NUMBERS},
    "carmichael-merge": {"bound": "10^4", "items": CARMICHAEL_NUMBERS},
}
GARBAGE: list[object] = [
    None,
    True,
    -1,
    1.5,
    "x",
    [],
    {},
    [[[[]]]],
    {"count": 0},
    {1: 2},
    float("nan"),
]


@dataclass(frozen=True)
class Job:
    """A small job, done."""

    kernel: Kernel
    params: dict[str, JSON]
    units: list[dict[str, JSON]]
    results: list[dict[str, JSON]]


def compute(kernel: Kernel, unit: dict[str, JSON], **kwargs: Any) -> dict[str, JSON]:
    hooks: dict[str, Any] = {"progress": lambda _: None, "checkpoint": lambda _: None}
    return kernel.run(unit, **{**hooks, **kwargs})


@pytest.fixture(scope="module", params=[kernel.name for kernel in kernels()])
def job(request: pytest.FixtureRequest) -> Iterator[Job]:
    """One job of each kernel, cut finely so that small sizes have many units and checkpoints."""
    kernel = get(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(korselt, "UNIT_ITEMS_MAX", 3)
        patch.setattr(bpsw_result, "BLOCK_WIDTH_MIN", 2**12)
        patch.setattr(carmichael, "CHECKPOINT_PAIRS", 2000)
        patch.setattr(carmichael_search, "LEAF_PRIMES_MAX", 1000)
        params = kernel.validate(PARAMS[request.param])
        units = list(kernel.plan(params))
        yield Job(kernel, params, units, [compute(kernel, unit) for unit in units])


def test_validated_params_are_normal(job: Job) -> None:
    assert job.kernel.validate(job.params) == job.params


def test_unknown_and_missing_params_are_refused(job: Job) -> None:
    with pytest.raises(ParamsError, match="no such field"):
        job.kernel.validate({**job.params, "colour": "red"})
    with pytest.raises(ParamsError, match="lacks it"):
        job.kernel.validate({})


def test_everything_is_plain_json(job: Job) -> None:
    answer = job.kernel.reduce(job.params, job.results)
    for value in (job.params, job.units, job.results, answer):
        assert json.loads(json.dumps(value)) == value
        assert all(abs(number) < 2**53 for number in integers_in(value))


def integers_in(value: object) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, list):
        for element in value:
            yield from integers_in(element)
    elif isinstance(value, dict):
        yield from integers_in(list(value.values()))


def test_a_plan_can_be_taken_up_anywhere(job: Job) -> None:
    for start in range(len(job.units) + 2):
        assert list(job.kernel.plan(job.params, start)) == job.units[start:]


def test_the_estimate_is_the_sum_of_the_units(job: Job) -> None:
    estimate = job.kernel.estimate(job.params)
    assert estimate.units == len(job.units)
    assert estimate.cost_s == pytest.approx(sum(map(job.kernel.cost, job.units)))
    assert all(job.kernel.cost(unit) > 0 for unit in job.units)


def test_a_unit_has_one_result(job: Job) -> None:
    assert [compute(job.kernel, unit) for unit in job.units] == job.results


def test_progress_rises_to_one(job: Job) -> None:
    for unit in job.units:
        seen: list[float] = []
        compute(job.kernel, unit, progress=seen.append)
        assert seen == sorted(seen)
        assert 0 <= seen[0] <= seen[-1] == 1


def test_a_unit_resumed_anywhere_has_the_same_result(job: Job) -> None:
    states: list[JSON] = []
    for unit, result in zip(job.units, job.results, strict=True):
        unit_states: list[JSON] = []
        compute(job.kernel, unit, checkpoint=lambda state: unit_states.append(json.dumps(state)))  # noqa: B023
        for state in unit_states:
            later: list[JSON] = []
            resumed = compute(
                job.kernel, unit, resume=json.loads(str(state)), checkpoint=later.append
            )
            assert resumed == result
            assert len(later) < len(unit_states)
        states += unit_states
    assert states or job.kernel.name in ("korselt", "carmichael-merge")


@pytest.mark.parametrize("garbage", GARBAGE[1:], ids=repr)
def test_a_state_that_is_none_is_refused(job: Job, garbage: JSON) -> None:
    if job.kernel.name in ("korselt", "carmichael-merge"):  # they save no state, and read none
        assert compute(job.kernel, job.units[0], resume=garbage) == job.results[0]
    else:
        with pytest.raises(CheckpointError):
            compute(job.kernel, job.units[0], resume=garbage)


def test_true_results_are_accepted(job: Job) -> None:
    for unit, result in zip(job.units, job.results, strict=True):
        for verdict in (
            job.kernel.check(unit, result),
            job.kernel.check(unit, result, "spot", b"seed"),
        ):
            assert verdict.sound, verdict.why
            assert 0 <= verdict.covered <= 1
            assert verdict.complete == (verdict.covered == 1)


def test_results_of_other_units_are_refuted(job: Job) -> None:
    for i, unit in enumerate(job.units):
        for j, result in enumerate(job.results):
            if i != j:
                assert job.kernel.check(unit, result).refuted


@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_garbage_is_refuted_with_a_reason(job: Job, garbage: object) -> None:
    verdict = job.kernel.check(job.units[0], garbage)
    assert verdict.refuted
    assert verdict.why


@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_garbage_is_no_unit(job: Job, garbage: Any) -> None:
    with pytest.raises(UnitError):
        job.kernel.cost(garbage)
    with pytest.raises(UnitError):
        compute(job.kernel, garbage)


def test_a_result_of_endless_depth_is_refuted(job: Job) -> None:
    deep: JSON = []
    for _ in range(100_000):
        deep = [deep]
    for field in job.results[0]:
        assert job.kernel.check(job.units[0], {**job.results[0], field: deep}).refuted


def test_reduce_is_associative_and_independent_of_order(job: Job) -> None:
    def reduce(parts: list[dict[str, JSON]]) -> dict[str, JSON]:
        return job.kernel.reduce(job.params, parts)

    whole = reduce(job.results)
    identity = reduce([])
    assert reduce([whole]) == whole
    assert reduce([identity, whole]) == reduce([whole, identity]) == whole
    rng = random.Random(7)
    for _ in range(10):
        parts = rng.sample(job.results, len(job.results))
        cut = rng.randrange(len(parts) + 1)
        assert reduce(parts) == whole
        assert reduce([reduce(parts[:cut]), reduce(parts[cut:])]) == whole
        assert reduce([*parts[:cut], reduce(parts[cut:])]) == whole
    assert whole.keys() == identity.keys()
    assert whole.keys() <= job.results[0].keys()


def test_jobs_here_have_several_units(job: Job) -> None:
    assert len(job.units) > 1 or job.kernel.name == "carmichael-merge"
