"""No altered result passes for a true one, and nothing that is written down breaks a kernel."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newral_kernels.command import parse_command
from newral_kernels.conformance.alterations import at, nudged, paths, replaced
from newral_kernels.errors import KernelError, ParamsError
from newral_kernels.numbers import parse_integer
from newral_kernels.registry import get, kernels

# One unit of each kernel whose result has every field filled.
UNITS: dict[str, Any] = {
    "bpsw": {"start": str(2**64), "stop": str(2**64 + 70_000)},
    "bpsw-class": {
        "discriminant": 5,
        "sign": 1,
        "bound": str(10**6),
        "cost_us": 1000,
        "parts": 2,
        "start": 7,
        "stop": 2000,
        "most": 1000,
        "blocks": 3,
    },
    "carmichael": {"start": "1", "bound": str(10**7), "prefix": [7], "low": "8", "high": "40"},
    "korselt": {
        "items": [
            {"n": "225", "factors": [3, 5, 15]},
            {"n": "561", "factors": [3, 11, 17]},
            {"n": "1729", "factors": [7, 13, 19]},
        ]
    },
    "carmichael-merge": {"bound": "10000", "items": [{"n": "561", "factors": [3, 11, 17]}]},
    "factor": {"items": ["4", "561", "340282366920938463463374607431768211297"]},
    "prime-certificate": {"items": ["4", "147573952589676412927", "618970019642690137449562111"]},
    "psp2": {"start": "1", "stop": "100000", "low": "3", "high": "100", "factors": "any"},
}
RESULTS = {
    name: get(name).run(unit, progress=lambda _: None, checkpoint=lambda _: None)
    for name, unit in UNITS.items()
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=40)
    | st.integers(0, 2**66).map(str)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["n", "factors", "items", "count", "x"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@st.composite
def altered(draw: st.DrawFn, true: Any) -> Any:
    """The value, with one thing in it replaced."""
    path = draw(st.sampled_from(paths(true)))
    near = nudged(at(true, path), draw(st.randoms()))
    return replaced(true, path, draw(st.sampled_from(near) | values))


@pytest.mark.parametrize("name", list(UNITS))
@given(data=st.data())
def test_an_altered_result_is_refuted(name: str, data: st.DataObject) -> None:
    result = data.draw(altered(RESULTS[name]))
    verdict = get(name).check(UNITS[name], result)
    same = json.dumps(result) == json.dumps(RESULTS[name])
    assert verdict.sound == same, verdict.why


@pytest.mark.parametrize("name", list(UNITS))
@given(garbage=values)
def test_no_result_whatever_raises(name: str, garbage: Any) -> None:
    assert get(name).check(UNITS[name], garbage).refuted


@pytest.mark.parametrize("kernel", kernels(), ids=lambda kernel: kernel.name)
@given(data=st.data())
def test_any_params_are_normalised_or_refused(kernel: Any, data: st.DataObject) -> None:
    fields = ["start", "stop", "bound", "items", "x"]
    params = data.draw(st.dictionaries(st.sampled_from(fields), values))
    try:
        valid = kernel.validate(params)
    except ParamsError:
        return
    assert kernel.validate(valid) == valid


@st.composite
def written(draw: st.DrawFn) -> tuple[str, int]:
    """A sum of terms as a person writes it, and its value."""
    text, total = "", 0
    for index in range(draw(st.integers(1, 4))):
        sign = draw(st.sampled_from(["+", "-"] if index else ["", "-"]))
        base, exponent = draw(st.integers(0, 10**6)), draw(st.integers(0, 20))
        term, size = draw(
            st.sampled_from(
                [
                    (f"{base}", base),
                    (f"{base:_}", base),
                    (f"{base}^{exponent}", base**exponent),
                    (f"{base}**{exponent}", base**exponent),
                    (f"{base}e{exponent}", base * 10**exponent),
                    (f"{base}E+{exponent}", base * 10**exponent),
                ]
            )
        )
        text += sign + term
        total += -size if sign == "-" else size
    return text, total


@given(written())
def test_sums_of_powers_are_read_as_written(number: tuple[str, int]) -> None:
    text, value = number
    assert parse_integer(text, minimum=-(10**130), maximum=10**130) == value


@given(text=st.text(alphabet="0123456789_^*eE+- x", max_size=30))
def test_a_number_read_is_in_range(text: str) -> None:
    with contextlib.suppress(ParamsError):
        assert -5 <= parse_integer(text, minimum=-5, maximum=10**9) <= 10**9


@given(text=st.text(max_size=60) | st.text("bpsw carmichael korselt=_^0123456789 ", max_size=60))
def test_any_line_of_text_is_a_command_or_a_kernel_error(text: str) -> None:
    try:
        name, params = parse_command(text)
    except KernelError:
        return
    assert get(name).name == name
    assert all(isinstance(value, str) for value in params.values())
