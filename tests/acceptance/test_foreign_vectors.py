"""The specification suffices: JavaScript written from it agrees with every vector."""

from __future__ import annotations

import json
import subprocess

from newral_testing import vectors
from newral_testing.relays import foreign_packages

KERNELS = (
    "bpsw",
    "bpsw-class",
    "carmichael",
    "carmichael-merge",
    "factor",
    "korselt",
    "prime-certificate",
    "psp2",
)


def test_javascript_agrees_with_every_vector() -> None:
    command = ["node", foreign_packages() / "vectors.mjs", vectors.VECTORS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["valid events"] == len(vectors.names("event/valid*.json"))
    assert counts["signed messages"] == len(vectors.message_names("*.json"))
    assert counts["encrypted messages"] > 30
    assert counts["entries"] == len(vectors.names("trail/valid*.json"))
    kernels = sum(counts[f"{name} units"] for name in KERNELS)
    assert kernels == len(vectors.names("kernels/*.json"))
