"""The kernels there are, ours and those of other packages, found by name.

Importing this imports none of them.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
from pathlib import Path
from typing import Final

from newral_kernels.errors import UnknownKernelError
from newral_kernels.installed import Broken, Found, Package, find
from newral_kernels.kernel import Kernel

_CLASSES: Final = {
    "bpsw": ("newral_kernels.bpsw", "Bpsw"),
    "bpsw-class": ("newral_kernels.bpsw_class", "BpswClass"),
    "carmichael": ("newral_kernels.carmichael", "Carmichael"),
    "carmichael-merge": ("newral_kernels.carmichael_merge", "CarmichaelMerge"),
    "factor": ("newral_kernels.factor", "Factor"),
    "korselt": ("newral_kernels.korselt", "Korselt"),
    "psp2": ("newral_kernels.psp2", "Psp2"),
    "prime-certificate": ("newral_kernels.prime_certificate", "PrimeCertificateKernel"),
}


def names() -> tuple[str, ...]:
    """All kernels' names, in alphabetical order.

    Imports none of ours, and those of other packages, since one that does not work is left out.
    """
    return tuple(sorted((*_CLASSES, *_others().kernels)))


def get(name: str, version: str | None = None) -> Kernel:
    """The kernel of that name, and of that version if one is given. Raises `UnknownKernelError`."""
    kernel = _load(name) if name in _CLASSES else _other(name)
    if version is not None and version != kernel.version:
        raise UnknownKernelError(
            f"there is no version {version[:40]!r} of {name}; the version is {kernel.version}"
        )
    return kernel


def package(kernel: Kernel) -> Package | None:
    """The package that brought the kernel; None for ours."""
    other = _others().kernels.get(kernel.name)
    return None if other is None else other.package


def broken() -> tuple[Broken, ...]:
    """What other packages offer and cannot be used."""
    return _others().broken


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


def _others() -> Found:
    return find(frozenset(_CLASSES))


def _other(name: str) -> Kernel:
    found = _others()
    if name in found.kernels:
        return found.kernels[name].kernel
    for each in found.broken:
        if each.name == name:
            raise UnknownKernelError(str(each))
    raise UnknownKernelError(
        f"there is no kernel {name[:40]!r}; the kernels are {', '.join(names())}"
    )


def _source(module: str) -> bytes:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the source of {module} is not installed", name=module)
    return Path(spec.origin).read_bytes()
