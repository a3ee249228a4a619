"""A kernel and its parameters, as a shell hands them over."""

from __future__ import annotations

import pytest

from newral.job_words import parse_words
from newral_kernels.errors import KernelError

CLASS = {"bound": "10^20", "preproduct_below": "500"}
ITEM = {"n": "561", "factors": [3, 11, 17]}


@pytest.mark.parametrize(
    ("words", "params"),
    [
        (["carmichael", "10^9"], {"bound": "10^9"}),
        (["carmichael", "start=5", "10^9"], {"bound": "10^9", "start": "5"}),
        (["carmichael", "--bound", "10^9"], {"bound": "10^9"}),
        (["carmichael", "--bound=10^9", "--start", "5"], {"bound": "10^9", "start": "5"}),
        (["carmichael", "10^9", "--start=5"], {"bound": "10^9", "start": "5"}),
        (["carmichael", "--bound", "-5"], {"bound": "-5"}),
        (["carmichael", "10^20", "--preproduct-below=500"], CLASS),
        (["carmichael", "10^20", "preproduct_below=500"], CLASS),
        (["carmichael", '{"bound": 100, "start": 3}'], {"bound": 100, "start": 3}),
        (["korselt", '{"items": [{"n": "561", "factors": [3, 11, 17]}]}'], {"items": [ITEM]}),
        (["korselt", 'items=[{"n": "561", "factors": [3, 11, 17]}]'], {"items": [ITEM]}),
        (["korselt", "--items", '[{"n": "561", "factors": [3, 11, 17]}]'], {"items": [ITEM]}),
    ],
)
def test_words_options_and_json_become_params(words: list[str], params: object) -> None:
    assert parse_words(words) == (words[0], params)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["carmichael", "--colour", "red"], r"--colour is neither .* --bound \(list .* --start"),
        (["carmichael", "--bound"], "--bound lacks its value"),
        (["carmichael", "--bound="], "lacks its value"),
        (["carmichael", "5", "--bound=5"], "bound is given twice"),
        (["carmichael", "--bound=5", "--bound=6"], "bound is given twice"),
        (["korselt", "{"], "no JSON"),
        (["korselt", "--items", "[" * 100_000], "no JSON"),
        (["--bound", "5"], "there is no kernel '--bound'"),
        (['{"bound": 5}'], "there is no command"),
        ([], "there is no command"),
    ],
)
def test_what_cannot_be_understood_is_explained(words: list[str], message: str) -> None:
    with pytest.raises(KernelError, match=message):
        parse_words(words)
