"""Kernels of other packages: found by entry point, believed only when they are whole.

A package offers a kernel in its `pyproject.toml`:

    [project.entry-points."newral.kernels"]
    goldbach = "my_package.goldbach:Goldbach"
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newral_kernels.kernel import Kernel

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "newral.kernels"

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_VERSION: Final = re.compile(r"[0-9A-Za-z.+-]{1,32}")
_TEXTS: Final = ("summary", "usage", "view")

_log = logging.getLogger(__name__)


class Unusable(Exception):
    """An entry point that gives no kernel; the message says why."""


@dataclass(frozen=True, slots=True)
class Package:
    """Where a kernel comes from."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Installed:
    """A kernel that was found, and the package that brought it."""

    kernel: Kernel
    package: Package


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry point that cannot be used, and why."""

    name: str
    package: Package
    reason: str

    def __str__(self) -> str:
        return f"the kernel {self.name!r} of package {self.package} cannot be used: {self.reason}"


@dataclass(frozen=True, slots=True)
class Found:
    """All that other packages offer."""

    kernels: dict[str, Installed]
    broken: tuple[Broken, ...]


@functools.cache
def find(built_in: Collection[str]) -> Found:
    """The kernels of all installed packages; what cannot be used is logged and left out.

    Imports their modules. Nothing that is wrong with one package touches another's kernels, and
    none may take a `built_in` name or one that another package has.
    """
    from importlib.metadata import entry_points  # slow to load, and seldom needed

    kernels: dict[str, Installed] = {}
    broken: list[Broken] = []
    for point in sorted(entry_points(group=GROUP), key=_order):
        package = _package(point)
        try:
            _require_free(point.name, built_in, kernels)
            kernels[point.name] = Installed(_load(point), package)
        except Unusable as error:
            broken.append(Broken(point.name, package, str(error)))
            _log.warning("%s", broken[-1])
    return Found(kernels, tuple(broken))


def _require_free(name: str, built_in: Collection[str], others: Mapping[str, Installed]) -> None:
    if name in built_in:
        raise Unusable("a kernel of Newral itself has that name")
    if name in others:
        raise Unusable(f"package {others[name].package} has one of that name")


def _order(point: EntryPoint) -> tuple[str, str, str]:
    package = _package(point)
    return package.name, package.version, point.name


def _package(point: EntryPoint) -> Package:
    distribution = point.dist
    return (
        Package("?", "?")
        if distribution is None
        else Package(distribution.name, distribution.version)
    )


def _load(point: EntryPoint) -> Kernel:
    try:
        kernel = point.load()()
    except (Exception, SystemExit) as error:  # Whatever somebody's module does at its import.
        raise Unusable(f"{point.value}: {type(error).__name__}: {error}") from error
    if not isinstance(kernel, Kernel):
        raise Unusable(f"{point.value} is no subclass of newral_kernels.kernel.Kernel")
    violation = _violation(point, kernel)
    if violation is not None:
        raise Unusable(f"{point.value}: {violation}")
    return kernel


def _violation(point: EntryPoint, kernel: Kernel) -> str | None:
    """What a class lacks to be offered to others; None when nothing."""
    name, version = getattr(kernel, "name", None), getattr(kernel, "version", None)
    if not _NAME.fullmatch(point.name):
        return f"a kernel's name matches {_NAME.pattern}"
    if name != point.name:
        return f"its name is {name!r}, not that of its entry point"
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        return f"its version, {version!r}, does not match {_VERSION.pattern}"
    for field in _TEXTS:
        if not isinstance(getattr(kernel, field, None), str):
            return f"it has no text {field!r}"
    if not isinstance(getattr(kernel, "memory_bytes_max", None), int):
        return "it declares no memory_bytes_max"
    help_, positional = getattr(kernel, "params_help", None), getattr(kernel, "positional", None)
    if not isinstance(help_, dict) or not isinstance(positional, tuple):
        return "it declares no params_help, a mapping, or no positional, a tuple"
    if not set(positional) <= set(help_):
        return "a positional param has no params_help"
    return _sources_violation(kernel)


def _sources_violation(kernel: Kernel) -> str | None:
    """Its identity is the text of its sources: they have to be there, with its own among them."""
    sources = getattr(kernel, "sources", None)
    if not isinstance(sources, tuple) or type(kernel).__module__ not in sources:
        return f"its sources do not name its own module, {type(kernel).__module__}"
    for module in sources:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            spec = None
        if spec is None or not spec.has_location:
            return f"its source module {module!r} is not installed"
    return None
