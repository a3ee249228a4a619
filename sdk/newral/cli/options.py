"""Options that can also be set by environment and newral.toml, and say so in their help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import typer

from newral.configuration import environment_name
from newral.errors import ConfigurationError

_keys: Final[dict[str, str]] = {}
"""Key in newral.toml of each environment variable that some option declared."""


def setting(key: str, *flags: str, help: str, **more: Any) -> Any:  # noqa: A002 - typer's own name
    """A `typer.Option` whose value may come from flag, environment or newral.toml, in this order.

    `key` is the dotted name in newral.toml, which also gives the environment variable.
    """
    variable = environment_name(key)
    _keys[variable] = key
    return typer.Option(*flags, envvar=variable, help=f"{help} [{_toml_name(key)}]", **more)


def _toml_name(key: str) -> str:
    table, _, name = key.rpartition(".")
    return f"newral.toml: {f'({table}) ' if table else ''}{name}"


def default_map(command: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as typer's nested defaults, by command and parameter.

    Raises `ConfigurationError` when a setting belongs to no option.
    """
    unknown = sorted(set(settings) - set(_keys.values()))
    if unknown:
        known = ", ".join(sorted(_keys.values()))
        raise ConfigurationError(
            f"newral.toml: there is no setting {unknown[0]!r}; there are: {known}"
        )
    return _defaults(command, settings)


def _defaults(command: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for parameter in command.params:
        key = _keys.get(parameter.envvar) if isinstance(parameter.envvar, str) else None
        if key is not None and key in settings:
            found[parameter.name] = settings[key]
    for name, child in getattr(command, "commands", {}).items():
        nested = _defaults(child, settings)
        if nested:
            found[name] = nested
    return found
