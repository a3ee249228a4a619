"""Where settings come from: newral.toml in the current folder, then in the user's own.

A setting has one name in three spellings: `[node] cores` in the file, `NEWRAL_NODE_CORES` in the
environment and `--cores` on the command line, which wins.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from newral.errors import ConfigurationError

FILE_NAME: Final = "newral.toml"
SUPERVISED_VARIABLE: Final = "NEWRAL_SUPERVISED"
"""Set by a supervisor for its children, whose stdin is a pipe that ends when it dies."""

CONFIG_VARIABLE: Final = "NEWRAL_CONFIG"
FILE_BYTES_MAX: Final = 256 * 1024
"""Far more than all settings together; a larger file is something else."""


def environment_name(key: str) -> str:
    """The environment variable of a setting.

    >>> environment_name("node.memory-limit")
    'NEWRAL_NODE_MEMORY_LIMIT'
    """
    return "NEWRAL_" + key.replace(".", "_").replace("-", "_").upper()


def user_folder(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """The folder of the user's own newral.toml and keys."""
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "newral"
    configured = environment.get("XDG_CONFIG_HOME")
    return (Path(configured) if configured else Path.home() / ".config") / "newral"


def settings_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that may hold settings: an earlier one wins.

    `NEWRAL_CONFIG` names one file to read instead; empty, it means none.
    """
    chosen = environment.get(CONFIG_VARIABLE)
    if chosen is not None:
        return (Path(chosen),) if chosen else ()
    return (Path(FILE_NAME), user_folder(environment) / FILE_NAME)


def load_settings(files: Sequence[Path]) -> dict[str, Any]:
    """All settings of `files` by dotted key; an earlier file wins.

    Raises `ConfigurationError` when a file cannot be read or is not TOML.
    """
    settings: dict[str, Any] = {}
    for file in reversed(files):
        if file.is_file():
            settings.update(_flatten(_read(file)))
    return settings


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise ConfigurationError(f"{file} has more than {FILE_BYTES_MAX} bytes")
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error


def _flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _flatten(value, key + ".")
        else:
            yield key, value
