"""Kernels of other packages: what is whole is found, what is broken harms nobody."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from newral_kernels import installed, registry
from newral_kernels.errors import UnknownKernelError
from newral_kernels.kernel import Kernel
from newral_kernels.korselt import Korselt

MODULE = """
from newral_kernels.korselt import Korselt

class Other(Korselt):
    name = "{name}"
    sources = (*Korselt.sources, "{module}")
{more}
"""


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    installed.find.cache_clear()
    yield
    installed.find.cache_clear()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that Python looks into."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def install(site: Path, package: str, points: dict[str, str], source: str | None) -> None:
    """What installing a package of one module leaves behind."""
    info = site / f"{package}-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.5\n")
    lines = [f"{name} = {target}\n" for name, target in points.items()]
    (info / "entry_points.txt").write_text("".join(["[newral.kernels]\n", *lines]))
    if source is not None:
        (site / f"{package}.py").write_text(source)


def module(package: str, name: str, more: str = "") -> str:
    return MODULE.format(name=name, module=package, more=more)


def test_a_package_brings_a_kernel(site: Path) -> None:
    install(site, "alpha", {"other": "alpha:Other"}, module("alpha", "other"))
    kernel = registry.get("other")
    assert type(kernel).__name__ == "Other"
    assert registry.get("other", kernel.version) is kernel
    assert "other" in registry.names()
    assert list(registry.names()) == sorted(registry.names())
    assert kernel in registry.kernels()
    assert str(registry.package(kernel)) == "alpha 2.5"
    assert registry.package(registry.get("korselt")) is None
    assert registry.identity(kernel) != registry.identity(registry.get("korselt"))
    assert registry.broken() == ()


@pytest.mark.parametrize(
    ("points", "source", "reason"),
    [
        ({"other": "broken:Other"}, "def", "SyntaxError"),
        ({"other": "broken:Other"}, "import nothing_of_that_name", "ModuleNotFoundError"),
        ({"other": "broken:Other"}, "raise SystemExit('enough')", "SystemExit: enough"),
        ({"other": "broken:Other"}, None, "No module named 'broken'"),
        ({"other": "broken:Another"}, module("broken", "other"), "AttributeError"),
        ({"other": "broken:Other"}, "class Other: pass", "no subclass of"),
        (
            {"other": "broken:Other"},
            "from newral_kernels.kernel import Kernel\nclass Other(Kernel): pass",
            "TypeError",
        ),
        ({"another": "broken:Other"}, module("broken", "other"), "its name is 'other', not"),
        ({"Other": "broken:Other"}, module("broken", "Other"), "a kernel's name matches"),
        (
            {"other": "broken:Other"},
            module("broken", "other", '    version = "one two"'),
            "its version, 'one two'",
        ),
        (
            {"other": "broken:Other"},
            module("broken", "other", "    summary = None"),
            "no text 'summary'",
        ),
        (
            {"other": "broken:Other"},
            module("broken", "other", "    memory_bytes_max = None"),
            "memory_bytes_max",
        ),
        (
            {"other": "broken:Other"},
            module("broken", "other", "    params_help = None"),
            "params_help",
        ),
        (
            {"other": "broken:Other"},
            module("broken", "other", '    positional = ("size",)'),
            "a positional param has no params_help",
        ),
        (
            {"other": "broken:Other"},
            module("broken", "other", '    sources = ("newral_kernels.korselt",)'),
            "do not name its own module, broken",
        ),
        (
            {"other": "broken:Other"},
            module("broken", "other", '    sources = ("broken", "missing.module")'),
            "'missing.module' is not installed",
        ),
        ({"korselt": "broken:Other"}, module("broken", "korselt"), "a kernel of Newral itself"),
    ],
)
def test_a_broken_package_is_named_and_harms_no_other(
    site: Path,
    caplog: pytest.LogCaptureFixture,
    points: dict[str, str],
    source: str | None,
    reason: str,
) -> None:
    sys.modules.pop("broken", None)
    install(site, "broken", points, source)
    install(site, "sound", {"fine": "sound:Other"}, module("sound", "fine"))
    sys.modules.pop("sound", None)
    with caplog.at_level(logging.WARNING):
        names = registry.names()
    assert "fine" in names
    (broken,) = registry.broken()
    assert reason in broken.reason
    assert "of package broken 2.5 cannot be used" in caplog.text
    assert type(registry.get("korselt")) is Korselt
    if broken.name != "korselt":
        with pytest.raises(UnknownKernelError, match="of package broken 2"):
            registry.get(broken.name)


def test_of_two_packages_with_one_name_the_first_in_the_alphabet_has_it(site: Path) -> None:
    for package in ("zeta", "beta"):
        install(site, package, {"other": f"{package}:Other"}, module(package, "other"))
    assert str(registry.package(registry.get("other"))) == "beta 2.5"
    (broken,) = registry.broken()
    assert (broken.package.name, broken.reason) == ("zeta", "package beta 2.5 has one of that name")


def test_our_own_kernels_do_not_wait_for_packages(site: Path) -> None:
    install(site, "slow", {"other": "slow:Other"}, "raise SystemExit('was imported')")
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r});"
        "from newral_kernels import registry; print(registry.get('carmichael').name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "carmichael\n"


def test_ours_are_kernels() -> None:
    assert all(isinstance(kernel, Kernel) for kernel in registry.kernels())
