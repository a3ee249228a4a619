"""Running a kernel here: what is folded, what fails, and how it is said."""

from __future__ import annotations

from typing import Any

import pytest

from newral import local_run
from newral.cli.local_run_view import power_text
from newral.local_run import InvalidCommand, LocalRun
from newral.local_workers import UnitPool, WorkerFailed
from newral_kernels.registry import get

ITEM = '{"n": "561", "factors": [3, 11, 17]}'


def run_of(count: int) -> LocalRun:
    return LocalRun.of_words(["korselt", "--items", f"[{', '.join([ITEM] * count)}]"])


@pytest.mark.parametrize("results", [0, 1, 3, 4, 5, 16, 17, 70])
def test_any_number_of_results_becomes_one_answer(
    results: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_run, "FOLDED", 4)
    run = run_of(1)
    fold = local_run._Fold(run)
    unit = next(run.kernel.plan(run.params))
    result = run.kernel.run(unit, progress=lambda _: None, checkpoint=lambda _: None)
    for _ in range(results):
        fold.add(result)
        assert all(len(level) < 4 for level in fold._levels)
    assert fold.answer()["checked"] == results


def test_an_answer_without_a_digest_is_hashed() -> None:
    run = run_of(1)
    assert run.digest({"digest": "ab"}) == "ab"
    assert run.digest({"checked": 1}) == run.digest({"checked": 1}) != run.digest({"checked": 2})


def test_progress_and_units_are_told() -> None:
    run = run_of(1200)
    done: list[Any] = []
    ticks: list[float] = []
    outcome = run.run(2, each=done.append, tick=ticks.append)
    assert len(done) == outcome.units == run.estimate.units > 1
    assert outcome.answer["checked"] == 1200
    assert outcome.seconds > 0
    assert ticks[-1] <= run.estimate.cost_s * 1.001


def test_a_unit_that_fails_ends_the_run_with_its_reason() -> None:
    kernel = get("korselt")
    with (
        pytest.raises(WorkerFailed, match="UnitError: items"),
        UnitPool(kernel.name, kernel.version, 1) as pool,
    ):
        list(pool.run(iter([{"wrong": 1}]), lambda _: None))


def test_a_process_that_dies_ends_the_run() -> None:
    kernel = get("korselt")
    with UnitPool(kernel.name, kernel.version, 1) as pool:
        pool._workers[0].process.kill()
        pool._workers[0].process.join()
        units = kernel.plan(run_of(1).params)
        with pytest.raises(WorkerFailed, match="ended by SIGKILL: was it out of memory"):
            list(pool.run(units, lambda _: None))


def test_params_that_are_refused_are_wrong_usage() -> None:
    with pytest.raises(InvalidCommand, match="bound") as refused:
        LocalRun.of_words(["carmichael", "--bound", "1"])
    assert refused.value.exit_code == 2


def test_powers_of_ten_are_written_as_such() -> None:
    assert [power_text(n) for n in (1, 10, 11, 10**20, 2 * 10**6)] == [
        "10^0",
        "10^1",
        "11",
        "10^20",
        "2,000,000",
    ]
