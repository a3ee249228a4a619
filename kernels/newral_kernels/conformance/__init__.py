"""What every kernel promises, as checks that any kernel's tests can run.

    from newral_kernels.conformance import CHECKS, Check, Job

    JOB = Job(Goldbach(), {"start": "4", "stop": "10^5"})

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_it_conforms(check: Check) -> None:
        check(JOB)

A check raises `Violation`, which is an AssertionError, and needs nothing but Python. None depends
on a machine's speed: to compare costs with the clock, call `cost_ratios`.
"""

from __future__ import annotations

from typing import Final

from newral_kernels.conformance.checking import (
    altered_results_are_refuted,
    garbage_is_refuted,
    other_units_results_are_refuted,
    true_results_are_accepted,
)
from newral_kernels.conformance.declarations import (
    it_says_what_it_is,
    other_params_are_refused,
    params_have_one_normal_form,
)
from newral_kernels.conformance.job import Check, Job, Violation
from newral_kernels.conformance.planning import (
    a_job_has_several_units,
    a_plan_can_be_taken_up_anywhere,
    cost_ratios,
    garbage_is_no_unit,
    the_estimate_is_the_sum_of_the_units,
)
from newral_kernels.conformance.reducing import an_answer_can_be_shown, reduce_depends_on_no_order
from newral_kernels.conformance.running import (
    a_unit_has_one_result,
    a_unit_resumed_anywhere_has_the_same_result,
    another_process_has_the_same_results,
    everything_is_plain_json,
    garbage_is_no_checkpoint,
    progress_rises_to_one,
)

__all__ = ["CHECKS", "Check", "Job", "Violation", "cost_ratios"]

CHECKS: Final[tuple[Check, ...]] = (
    it_says_what_it_is,
    params_have_one_normal_form,
    other_params_are_refused,
    a_job_has_several_units,
    a_plan_can_be_taken_up_anywhere,
    the_estimate_is_the_sum_of_the_units,
    garbage_is_no_unit,
    everything_is_plain_json,
    a_unit_has_one_result,
    another_process_has_the_same_results,
    progress_rises_to_one,
    a_unit_resumed_anywhere_has_the_same_result,
    garbage_is_no_checkpoint,
    true_results_are_accepted,
    altered_results_are_refuted,
    other_units_results_are_refuted,
    garbage_is_refuted,
    reduce_depends_on_no_order,
    an_answer_can_be_shown,
)
