"""A reader's kernel, in a package of its own: installed, tested, and at work in a market.

What docs/write-your-own-kernel.md says, done."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest
from newral_testing.markets import up

EXAMPLE = Path(__file__).parents[2] / "examples" / "kernel-goldbach"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of a fresh environment that has what this one has, and the example."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    interpreter = folder / "bin" / "python"
    site = run([interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    ours = sysconfig.get_path("purelib")
    Path(site.strip(), "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    pip = [sys.executable, "-m", "pip", "--python", interpreter, "--disable-pip-version-check"]
    run([*pip, "install", "-q", "--no-deps", "--no-build-isolation", EXAMPLE])
    return str(interpreter)


def run(command: Sequence[str | Path]) -> str:
    done = subprocess.run(list(command), capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_it_passes_its_own_tests(python: str) -> None:
    tests = EXAMPLE / "tests"
    passed = run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tests}", tests]
    )
    assert "passed" in passed


def test_the_command_line_lists_and_runs_it(python: str, tmp_path: Path) -> None:
    listed = json.loads(run([python, "-m", "newral", "kernel", "list", "--json"]))
    (row,) = [row for row in listed if row["name"] == "goldbach"]
    assert row["package"] == "newral-kernel-goldbach 1.0.0"
    assert set(row["params"]) == {"start", "stop"}
    table = tmp_path / "records.csv"
    command = [python, "-m", "newral", "kernel", "run", "goldbach", "6", "--stop=10^4"]
    told = json.loads(run([*command, "--json", f"--output={table}"]))
    assert told["count"] == len(table.read_text().splitlines()) - 1 > 5


def test_a_market_computes_with_it(python: str, tmp_path: Path) -> None:
    with up(tmp_path / "market", python=python) as market:
        answer = market.output(market.post("goldbach", "6", "300_000"))
        assert answer["tested"] == (300_000 - 6) // 2
        assert answer["records"][:3] == [
            {"n": "6", "p": 3},
            {"n": "12", "p": 5},
            {"n": "30", "p": 7},
        ]
        assert market.audit()["clean"]
