"""The kernels there are, found by name; importing this imports none of them."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
from pathlib import Path
from typing import Final

from newral_kernels.errors import UnknownKernelError
from newral_kernels.kernel import Kernel

_CLASSES: Final = {
    "bpsw": ("newral_kernels.bpsw", "Bpsw"),
    "carmichael": ("newral_kernels.carmichael", "Carmichael"),
    "carmichael-merge": ("newral_kernels.carmichael_merge", "CarmichaelMerge"),
    "korselt": ("newral_kernels.korselt", "Korselt"),
}


def names() -> tuple[str, ...]:
    """All kernels' names, in alphabetical order; imports none of them."""
    return tuple(_CLASSES)


def get(name: str, version: str | None = None) -> Kernel:
    """The kernel of that name, and of that version if one is given. Raises `UnknownKernelError`."""
    if name not in _CLASSES:
        raise UnknownKernelError(
            f"there is no kernel {name[:40]!r}; the kernels are {', '.join(names())}"
        )
    kernel = _load(name)
    if version is not None and version != kernel.version:
        raise UnknownKernelError(
            f"there is no version {version[:40]!r} of {name}; the version is {kernel.version}"
        )
    return kernel


def kernels() -> tuple[Kernel, ...]:
    """All kernels, in the order of `names`."""
    return tuple(map(get, names()))


@functools.cache
def identity(kernel: Kernel) -> str:
    """SHA-256, in hexadecimal, of a kernel's name, version and source modules.

    Two installations with the same identity compute the same results. Each part is preceded by
    its length, so that no two lists of parts hash alike.
    """
    hasher = hashlib.sha256()
    parts = [kernel.name.encode(), kernel.version.encode()]
    for module in kernel.sources:
        parts += [module.encode(), _source(module)]
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big") + part)
    return hasher.hexdigest()


@functools.cache
def _load(name: str) -> Kernel:
    module, class_name = _CLASSES[name]
    kernel = getattr(importlib.import_module(module), class_name)()
    assert isinstance(kernel, Kernel)
    return kernel


def _source(module: str) -> bytes:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the source of {module} is not installed", name=module)
    return Path(spec.origin).read_bytes()
