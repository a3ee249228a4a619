"""A kernel and its parameters, as words of a shell's command line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from newral_kernels import registry
from newral_kernels.command import parse_command
from newral_kernels.errors import CommandError
from newral_kernels.kernel import JSON, Kernel

OPTION = "--"


def parse_words(words: Sequence[str]) -> tuple[str, dict[str, JSON]]:
    """The kernel's name and the params, not yet validated.

    After the kernel, a word is one of the short form's (`newral_kernels.command`), or an option
    (`--bound 10^9`, `--bound=10^9`), or a JSON object of params. A value that is a JSON array or
    object is read as such. Raises `KernelError`.
    """
    plain: list[str] = []
    given: list[tuple[str, JSON]] = []
    rest = iter(words)
    for word in rest:
        if word.startswith(OPTION) and plain:
            kernel = registry.get(plain[0])
            name, assigned, value = word.removeprefix(OPTION).partition("=")
            if not assigned:
                value = next(rest, "")
            if not value:
                raise CommandError(f"{word} lacks its value; {parameters(kernel)}")
            given.append((_parameter(kernel, name), _value(value)))
        elif word.startswith("{"):
            given += _object(word).items()
        elif "=[" in word or "={" in word:  # may have spaces, which the short form has not
            name, _, value = word.partition("=")
            given.append((name, _value(value)))
        else:
            plain.append(word)
    name, params = parse_command(" ".join(plain))
    return name, _together(params, given)


def parameters(kernel: Kernel) -> str:
    """What the kernel takes, on one line."""
    known = ", ".join(f"{option(name)} ({text})" for name, text in kernel.params_help.items())
    return f"{kernel.name} takes {known}"


def option(name: str) -> str:
    """A parameter as an option.

    >>> option("preproduct_below")
    '--preproduct-below'
    """
    return OPTION + name.replace("_", "-")


def _parameter(kernel: Kernel, written: str) -> str:
    name = written.replace("-", "_")
    if name not in kernel.params_help:
        raise CommandError(
            f"--{written} is neither an option nor a parameter; {parameters(kernel)};"
            " for options see --help"
        )
    return name


def _value(text: str) -> JSON:
    if not text.startswith(("[", "{")):
        return text
    value: JSON = _json(text)
    return value


def _object(text: str) -> dict[str, JSON]:
    value = _json(text)
    assert isinstance(value, dict)
    return value


def _json(text: str) -> JSON:
    try:
        value: JSON = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{text[:40]!r} is no JSON: {error}") from error
    return value


def _together(params: Mapping[str, JSON], given: Iterable[tuple[str, JSON]]) -> dict[str, JSON]:
    whole = dict(params)
    for name, value in given:
        if name in whole:
            raise CommandError(f"{name} is given twice")
        whole[name] = value
    return whole
