"""Values that are nearly a given one, and values that are nothing at all."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from random import Random
from typing import Any, Final, TypeAlias

Path: TypeAlias = tuple[Any, ...]

GARBAGE: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    1.5,
    float("nan"),
    2**70,
    "x",
    "",
    [],
    {},
    [[[[]]]],
    {"count": 0},
    {1: 2},
)
DEPTH: Final = 100_000
"""Of arrays within arrays: more than a recursive reader's stack."""


def alterations(value: Any, rng: Random, most: int) -> Iterator[Any]:
    """`most` values, each of which differs from a JSON value in one place, if at all."""
    places = paths(value)
    rng.shuffle(places)
    for path in itertools.islice(itertools.cycle(places), most):
        near = nudged(at(value, path), rng)
        yield replaced(value, path, rng.choice([*near, *near, None, "x"]))


def paths(value: Any, prefix: Path = ()) -> list[Path]:
    """Where everything is in a JSON value, containers included."""
    found = [prefix]
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            found += paths(value[key], (*prefix, key))
    return found


def at(value: Any, path: Path) -> Any:
    """What is there."""
    for key in path:
        value = value[key]
    return value


def replaced(value: Any, path: Path, new: Any) -> Any:
    """A copy with something else there."""
    if not path:
        return new
    result = copy.deepcopy(value)
    at(result, path[:-1])[path[-1]] = new
    return result


def nudged(value: Any, rng: Random) -> list[Any]:
    """Values that are nearly the given one: neighbours, other types, orders and lengths."""
    if isinstance(value, bool) or value is None:
        return [value is None, int(value is None)]
    if isinstance(value, int):
        return [value + 1, value - 1, -value - 1, float(value), str(value), value == 1]
    if isinstance(value, str):
        return _nudged_text(value, rng)
    if isinstance(value, list):
        return [value + value[:1], value[1:], value[:-1], [*value[::-1], 0], {}]
    if isinstance(value, dict):
        return [{**value, "x": 0}, {}, [], list(value.values()), dict(list(value.items())[1:])]
    raise TypeError(f"{type(value).__name__} is not of JSON")


def _nudged_text(text: str, rng: Random) -> list[Any]:
    near: list[Any] = [text + "0", "0" + text, text.upper() + " ", text[::-1] + "f", ""]
    if text:
        where = rng.randrange(len(text))
        near.append(text[:where] + ("0" if text[where] != "0" else "1") + text[where + 1 :])
    if text.isascii() and text.isdecimal():
        near += [str(int(text) + 2), int(text)]
    return near


def deep() -> Any:
    """An array within an array, and so on."""
    value: Any = []
    for _ in range(DEPTH):
        value = [value]
    return value
