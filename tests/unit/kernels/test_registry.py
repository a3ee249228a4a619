"""Finding kernels, and telling one computation from another."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from newral_kernels import registry
from newral_kernels.errors import KernelError, UnknownKernelError
from newral_kernels.kernel import Kernel

KERNELS = registry.kernels()


def imports(module: str) -> set[str]:
    """The modules of this package that a module reaches, itself included."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    reached = {module}
    for node in ast.walk(ast.parse(Path(spec.origin).read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("newral_kernels."):
            reached |= imports(str(node.module))
    return reached


def test_kernels_are_found_by_name_and_version() -> None:
    for kernel in KERNELS:
        assert registry.get(kernel.name) is kernel
        assert registry.get(kernel.name, kernel.version) is kernel
    assert registry.names() == tuple(kernel.name for kernel in KERNELS)
    assert len(KERNELS) == len(set(registry.names())) >= 6


def test_an_unknown_kernel_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownKernelError, match=r"'bspw'; the kernels are bpsw, bpsw-class, carm"):
        registry.get("bspw")
    with pytest.raises(KernelError, match="no version '1' of bpsw; the version is 2"):
        registry.get("bpsw", "1")


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_sources_name_every_module_that_decides_the_result(kernel: Kernel) -> None:
    assert set(kernel.sources) == imports(type(kernel).__module__)
    assert len(set(kernel.sources)) == len(kernel.sources)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_a_kernel_says_what_it_is(kernel: Kernel) -> None:
    assert kernel.summary
    assert type(kernel).__doc__
    assert kernel.memory_bytes_max <= 2**30


def test_identities_differ_and_stay() -> None:
    identities = {registry.identity(kernel) for kernel in KERNELS}
    assert len(identities) == len(KERNELS)
    assert all(len(identity) == 64 for identity in identities)
    registry.identity.cache_clear()
    assert {registry.identity(kernel) for kernel in KERNELS} == identities


def test_an_identity_changes_with_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = registry.get("korselt")
    before = registry.identity(kernel)
    monkeypatch.setattr(registry, "_source", lambda module: module.encode())
    registry.identity.cache_clear()
    assert registry.identity(kernel) != before
    registry.identity.cache_clear()


def test_importing_the_registry_loads_no_kernel_and_no_gmp() -> None:
    code = (
        "import sys, newral_kernels.registry, newral_kernels.command;"
        "print([m for m in sys.modules if m == 'gmpy2' or m == 'newral_kernels.carmichael'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
