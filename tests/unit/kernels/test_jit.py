"""Code is compiled when it is needed, once, and again when what it depends on changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"XDG_CACHE_HOME": str(folder)}
    )
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
