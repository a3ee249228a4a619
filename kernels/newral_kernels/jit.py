"""Compiling functions over machine words, once for each processor.

Nothing is compiled at import. An entry point has one explicit signature and is compiled when it is
first called or when `Compiled.prepare` is, without holding the interpreter lock when it runs; what
was compiled is kept on disk, under a key of everything it depends on, and loaded the next time.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Generic, ParamSpec, TypeVar, cast

import llvmlite  # type: ignore[import-untyped]
import numba
from numba.core import config
from numba.core.registry import cpu_target

P = ParamSpec("P")
R = TypeVar("R")

CACHES_MAX: Final = 4
"""Keys of a module whose code is kept: of other processors that share the disk, for instance."""

CACHE_AGE_MIN_S: Final = 3600.0
"""Younger code is kept in any case: another process may be writing it."""

_PACKAGE: Final = Path(__file__).parent
_IMPORT: Final = re.compile(r"^\s*(?:from|import) newral_kernels\.([a-z0-9_.]+)", re.MULTILINE)


def device(function: Callable[P, R]) -> Callable[P, R]:
    """A function for use inside compiled code only; it becomes part of its callers."""
    return cast("Callable[P, R]", numba.njit(nogil=True, error_model="numpy")(function))


def compiled(signature: str) -> Callable[[Callable[P, R]], Compiled[P, R]]:
    """An entry point, with its types as numba writes them: `uint64(uint64[::1], uint64)`.

    Arguments of other types raise TypeError: none is converted silently.
    """
    return lambda function: Compiled(function, signature)


class Compiled(Generic[P, R]):
    """A function that is compiled, or loaded from the disk, before its first call."""

    def __init__(self, function: Callable[P, R], signature: str) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._signature = signature

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it. Scalars are converted to the signature's types, arrays must be of theirs."""
        return self._code(*args, **kwargs)

    def prepare(self) -> None:
        """Compile it, unless that was done."""
        _ = self._code

    @functools.cached_property
    def _code(self) -> Callable[P, R]:
        directory = cache_directory(self._function.__module__)
        try:
            return self._compile(directory)
        except OSError:  # The disk is full, or somebody cleared the cache meanwhile.
            return self._compile(None)

    def _compile(self, directory: Path | None) -> Callable[P, R]:
        code = numba.njit(nogil=True, error_model="numpy")(self._function)
        if directory is not None:
            _enable_caching(code, directory)
        code.compile(self._signature)
        code.disable_compile()
        return cast("Callable[P, R]", code)


@functools.cache
def cache_directory(module: str) -> Path | None:
    """Where a module's compiled code is kept: beside the package, or else in the user's cache.

    None when neither can be written: everything is compiled anew by each process then.
    """
    key = _cache_key(module)
    for folder in (_PACKAGE / "__pycache__", _user_cache()):
        directory = folder / "compiled" / f"{module}-{key}"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=directory).close()
        except OSError:
            continue
        _forget_old(directory.parent, module)
        return directory
    return None


def _enable_caching(code: Any, directory: Path) -> None:
    # numba takes the place from a setting of the process, when caching is enabled.
    settings: Any = config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(directory)
    try:
        code.enable_caching()
    finally:
        settings.CACHE_DIR = before


def _cache_key(module: str) -> str:
    """Of the module, all that it imports of this package, compiler, Python and processor.

    numba itself looks at the file of the function alone, not at what the function calls in other
    files; and code for another processor could use instructions that this one lacks.
    """
    codegen = cpu_target.target_context.codegen()
    versions = (numba.__version__, llvmlite.__version__, sys.version, codegen.magic_tuple())
    hasher = hashlib.sha256(repr(versions).encode())
    for path in _sources(Path(str(sys.modules[module].__file__))):
        text = path.read_bytes()
        hasher.update(f"{path.name} {len(text)} ".encode() + text)
    return hasher.hexdigest()[:16]


def _sources(root: Path) -> list[Path]:
    """The files that it may call into, in a fixed order: of this package those that it reaches by
    imports; of somebody else's, all beside it, too."""
    reached: set[Path] = set()
    waiting = [root] if root.is_relative_to(_PACKAGE) else [root, *root.parent.glob("*.py")]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            for name in _IMPORT.findall(path.read_text(encoding="utf-8")):
                waiting += _files(_PACKAGE.joinpath(*name.split(".")))
    return sorted(reached)


def _files(module: Path) -> list[Path]:
    """Of a module or a package, given without a suffix."""
    return (
        [module.with_suffix(".py")]
        if module.with_suffix(".py").is_file()
        else [*module.glob("*.py")]
    )


def _user_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "newral"


def _forget_old(folder: Path, module: str) -> None:
    """Remove a module's oldest code; what other processes use of it stays in their memory."""
    used: list[tuple[float, Path]] = []
    for cache in folder.glob(f"{module}-*"):
        with contextlib.suppress(OSError):  # Another process may be removing it.
            used.append((cache.stat().st_mtime, cache))
    for at, cache in sorted(used, reverse=True)[CACHES_MAX:]:
        if time.time() - at > CACHE_AGE_MIN_S:
            shutil.rmtree(cache, ignore_errors=True)
