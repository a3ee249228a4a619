"""What every kernel promises, whatever it computes."""

from __future__ import annotations

import functools
import json
import subprocess
import sys

import pytest

from newral_kernels import bpsw, bpsw_result, each_number, korselt
from newral_kernels.conformance import CHECKS, Check, Job
from newral_kernels.conformance.planning import a_job_has_several_units
from newral_kernels.conformance.running import another_process_has_the_same_results
from newral_kernels.kernel import JSON
from newral_kernels.registry import get, names

CARMICHAEL_NUMBERS: list[JSON] = [
    {"n": "561", "factors": [3, 11, 17]},
    {"n": "1105", "factors": [5, 13, 17]},
    {"n": "1729", "factors": [7, 13, 19]},
    {"n": "2465", "factors": [5, 17, 29]},
    {"n": "2821", "factors": [7, 13, 31]},
    {"n": "225", "factors": [3, 5, 15]},
    {"n": "561", "factors": [3, 11, 17]},
]

# Primes, composites with small factors and without, duplicates, and one of each size.
NUMBERS: list[JSON] = [
    "2^89-1",
    "2^67-1",
    {"n": "561", "witness": 2},
    2,
    4,
    "2^101",
    "2^127-1",
    561,
]

# Small jobs of several units, with every feature: pseudoprimes, rejected claims, duplicates.
PARAMS: dict[str, dict[str, JSON]] = {
    "bpsw": {"start": "2^64", "stop": "2^64+2_000_001"},
    "bpsw-class": {"bound": "10^8", "start": 7, "stop": "10^6", "sign": 1},
    "carmichael": {"bound": "10^9", "start": 1000},
    "factor": {"items": NUMBERS},
    "korselt": {"items": CARMICHAEL_NUMBERS},
    "carmichael-merge": {"bound": "10^4", "items": CARMICHAEL_NUMBERS},
    "prime-certificate": {"items": NUMBERS},
    "psp2": {"start": 1, "stop": "10^8", "rough": 11},
}
# Kernels that have a single unit, however large the job is.
SINGLE = ("carmichael-merge",)
# The jobs below are cut more finely than another process would cut them.
IN_PROCESS = [check for check in CHECKS if check is not another_process_has_the_same_results]


@functools.cache
def done(name: str) -> Job:
    """Its results are computed once, by the first test that asks for them."""
    return Job(get(name), PARAMS[name])


@pytest.fixture(params=list(PARAMS))
def job(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Job:
    """One job of each kernel, cut finely so that small sizes have many units and checkpoints."""
    monkeypatch.setattr(korselt, "UNIT_ITEMS_MAX", 3)
    monkeypatch.setattr(each_number, "UNIT_ITEMS_MAX", 4)
    monkeypatch.setattr(each_number, "CHECKPOINT_ITEMS", 1)
    monkeypatch.setattr(bpsw_result, "LEAF_WIDTH_MIN", 2**9)
    monkeypatch.setattr(bpsw, "CHUNK_WIDTH", 2**12)
    monkeypatch.setattr(bpsw, "COST_PER_ODD_S", 2e-6)
    return done(request.param)


@pytest.mark.parametrize("check", IN_PROCESS, ids=lambda check: check.__name__)
def test_a_kernel_conforms(job: Job, check: Check) -> None:
    if check is a_job_has_several_units and job.kernel.name in SINGLE:
        assert len(job.units) == 1
    else:
        check(job)


@pytest.mark.parametrize("name", list(PARAMS))
def test_another_process_has_the_same_results(name: str) -> None:
    another_process_has_the_same_results(Job(get(name), PARAMS[name]))


# What is done again and again with a job that was planned already, and computed elsewhere.
ACCEPT = """
import json, sys
from newral_kernels.registry import get
name, params, units, results = json.load(sys.stdin)
kernel = get(name)
assert kernel.validate(params) == params
for unit, result in zip(units, results, strict=True):
    assert kernel.check(unit, result).sound
kernel.reduce(params, results)
print([module for module in ("numba", "llvmlite") if module in sys.modules])
"""


@pytest.mark.parametrize("name", list(PARAMS))
def test_checking_and_folding_results_needs_no_compiler(name: str) -> None:
    job = Job(get(name), PARAMS[name])
    done = subprocess.run(
        [sys.executable, "-c", ACCEPT],
        input=json.dumps([name, job.params, job.units, job.results]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[]\n", done.stderr


def test_every_kernel_is_tested() -> None:
    assert set(PARAMS) == set(names())
