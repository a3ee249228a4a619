"""The short form of a job."""

from __future__ import annotations

import pytest

from newral_kernels.command import parse_command
from newral_kernels.errors import CommandError, KernelError, ParamsError, UnknownKernelError
from newral_kernels.registry import get, kernels


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("carmichael 10^9", {"bound": "10^9"}),
        ("  carmichael\t10^9\n", {"bound": "10^9"}),
        ("carmichael 10^9 start=10^6", {"bound": "10^9", "start": "10^6"}),
        ("carmichael bound=1_000", {"bound": "1_000"}),
        ("bpsw 2^64 2^64+10", {"start": "2^64", "stop": "2^64+10"}),
        ("bpsw stop=7 start=5", {"start": "5", "stop": "7"}),
        ("carmichael", {}),
    ],
)
def test_words_become_params(text: str, params: dict[str, str]) -> None:
    assert parse_command(text) == (text.split()[0], params)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no command"),
        ("carmichael 1 2", "one value too many for carmichael; write for example: carmichael"),
        ("bpsw 1 start=1", "start is given twice"),
        ("korselt 561", "one value too many"),
        ("carmichael " + "9" * 1000, "characters are too many"),
        ("carmichael" + " a=1" * 20, "words are too many"),
    ],
)
def test_what_cannot_be_understood_is_explained(text: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        parse_command(text)


def test_an_unknown_kernel_is_named() -> None:
    with pytest.raises(UnknownKernelError, match="carmichael-merge"):
        parse_command("hello world")


def test_what_is_parsed_is_not_yet_believed() -> None:
    name, params = parse_command("carmichael bound=ten")
    with pytest.raises(ParamsError, match="'ten' is no integer"):
        get(name).validate(params)


def test_usage_examples_work() -> None:
    for kernel in kernels():
        if kernel.positional:
            name, params = parse_command(kernel.usage)
            assert get(name).validate(params)


def test_every_error_has_one_base() -> None:
    assert issubclass(CommandError, KernelError)
    assert issubclass(ParamsError, KernelError)
