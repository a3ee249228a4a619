"""The wheel: what is in it, and that a provider's installation works without a coordinator's."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = {
    "newral",
    "newral_coordinator",
    "newral_kernels",
    "newral_ledger",
    "newral_node",
    "newral_relay_bridge",
    "newral_spec",
}
DATA = (
    "newral_coordinator/queries.sql",
    "newral_coordinator/migrations/0001_state.sql",
    "newral_ledger/migrations/",
    "newral_relay_bridge/migrations/",
    "newral_spec/schemas/",
    "newral_spec/vectors/",
    "newral_coordinator/http/assets/",
    "newral_spec/py.typed",
)
INSTALL_S = 300

Newral = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the tree as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", folder, REPOSITORY], check=True, timeout=INSTALL_S)
    return next(folder.glob("newral-*.whl"))


@pytest.fixture(scope="session")
def provider(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Newral:
    """The `newral` command of an environment that has a provider's dependencies and no others."""
    folder = tmp_path_factory.mktemp("provider")
    venv.create(folder, with_pip=True)
    install = [folder / "bin" / "python", "-m", "pip", "install", "-q", f"{wheel}[node]"]
    subprocess.run([*install, "--disable-pip-version-check"], check=True, timeout=INSTALL_S)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [folder / "bin" / "newral", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_the_wheel_has_every_package_with_its_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    for path in DATA:
        assert any(name.startswith(path) for name in names), path
    assert not [name for name in names if "__pycache__" in name]


@pytest.mark.timeout(2 * INSTALL_S)
def test_a_providers_installation_computes_and_explains_what_it_lacks(provider: Newral) -> None:
    for arguments in (["--help"], ["node", "--help"], ["node", "run", "--help"]):
        assert provider(*arguments).returncode == 0
    done = provider("kernel", "run", "carmichael", "10^5", "--json")
    assert json.loads(done.stdout)["count"] == 16
    refused = provider("coordinator", "run", "--relay", "ws://127.0.0.1:1")
    assert refused.returncode == 1
    assert "newral[coordinator]" in refused.stderr
    assert "Traceback" not in refused.stderr
