"""Code is compiled when it is needed, once, and again when what it depends on changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from newral_kernels import jit

HELPER = """
from newral_kernels.jit import device

@device
def double(x):
    return x + x
"""
MAIN = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from numba.core import event
from newral_kernels.jit import compiled
from helper import double

recorder = event.install_recorder("numba:compile")
compilations = recorder.__enter__()

@compiled("uint64(uint64)")
def twice(x):
    return double(x)

assert not compilations.buffer, "something was compiled before it was needed"
print(twice(21), len(compilations.buffer) > 0)
try:
    twice(np.zeros(3))
except TypeError:
    print("refused")
"""


def run(folder: Path) -> list[str]:
    """Run main.py of the folder in a new process; its lines."""
    command = [sys.executable, str(folder / "main.py"), str(folder)]
    # Python's own cache takes an edit within the same second, to the same size, for none.
    environment = {"XDG_CACHE_HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "main.py").write_text(MAIN)
    return tmp_path


def test_the_second_process_compiles_nothing(folder: Path) -> None:
    assert run(folder) == ["42 True", "refused"]
    assert run(folder) == ["42 False", "refused"]


def test_a_change_in_what_is_called_is_noticed(folder: Path) -> None:
    run(folder)
    (folder / "helper.py").write_text(HELPER.replace("x + x", "x * x"))
    assert run(folder)[0] == "441 True"


def test_old_code_is_removed_and_new_code_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jit, "_PACKAGE", tmp_path)
    monkeypatch.setattr(jit, "_cache_key", lambda _: "now")
    folder = tmp_path / "__pycache__" / "compiled"
    for age in range(8):
        cache = folder / f"some.module-{age}"
        cache.mkdir(parents=True)
        if age >= 2:
            os.utime(cache, (age, age))  # long ago
    jit.cache_directory.cache_clear()
    try:
        assert jit.cache_directory("some.module") == folder / "some.module-now"
    finally:
        jit.cache_directory.cache_clear()
    left = {path.name.removeprefix("some.module-") for path in folder.iterdir()}
    assert left == {"now", "0", "1", "7"}


def test_a_cache_that_vanishes_costs_time_only(folder: Path) -> None:
    main = (folder / "main.py").read_text()
    vanishing = main.replace(
        "import numpy as np",
        "import numpy as np\nimport shutil\nfrom newral_kernels import jit\n"
        "at = jit.cache_directory(__name__)\nshutil.rmtree(at)\nat.write_text('no folder')",
    )
    (folder / "main.py").write_text(vanishing + "\nat.unlink()\n")
    assert run(folder) == ["42 True", "refused"]
