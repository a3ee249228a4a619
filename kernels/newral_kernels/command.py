"""The short form of a job: `carmichael 10^9`, `bpsw start=2^64 stop=2^64+10^6`."""

from __future__ import annotations

import re
from typing import Final

from newral_kernels.errors import CommandError
from newral_kernels.kernel import JSON
from newral_kernels.numbers import show
from newral_kernels.registry import get

TEXT_CHARS_MAX: Final = 1_000  # a line that a person types
WORDS_MAX: Final = 16  # no kernel has nearly as many params

_NAMED: Final = re.compile(r"(?P<name>[a-z][a-z0-9_]{0,31})=(?P<value>.+)", re.DOTALL)


def parse_command(text: str) -> tuple[str, dict[str, JSON]]:
    """The kernel's name and the params, not yet validated: every value is the text given.

    Words are the kernel's positional params in order, or `name=value`. Raises `CommandError`, and
    `UnknownKernelError` for a kernel that does not exist.
    """
    if len(text) > TEXT_CHARS_MAX:
        raise CommandError(f"{len(text)} characters are too many; the most is {TEXT_CHARS_MAX}")
    words = text.split()
    if not words:
        raise CommandError('there is no command; write for example "carmichael 10^9"')
    if len(words) > WORDS_MAX:
        raise CommandError(f"{len(words)} words are too many; the most is {WORDS_MAX}")
    kernel = get(words[0])
    usage = f"write for example: {kernel.usage}"
    params: dict[str, JSON] = {}
    unnamed = iter(kernel.positional)
    for word in words[1:]:
        named = _NAMED.fullmatch(word)
        name, value = (named["name"], named["value"]) if named else (next(unnamed, None), word)
        if name is None:
            raise CommandError(f"{show(word)} is one value too many for {kernel.name}; {usage}")
        if name in params:
            raise CommandError(f"{name} is given twice; {usage}")
        params[name] = value
    return kernel.name, params
