"""Settings that cannot work are refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from newral_node.config import NodeConfig
from newral_node.home import Home, NodeDirectoryInUse
from newral_spec.keys import SecretKey

SECRET = SecretKey(b"\x01" * 32)


def config(**changes: Any) -> NodeConfig:
    fields: dict[str, Any] = {
        "directory": Path("node"),
        "secret": SECRET,
        "coordinator": SecretKey(b"\x02" * 32).public_key,
        "relays": ("ws://127.0.0.1:1",),
    }
    return NodeConfig(**{**fields, **changes})


def test_the_defaults_are_fit_for_use() -> None:
    assert config().settings(()).capacity == config().cores + 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"coordinator": "00" * 32}, "public key"),
        ({"relays": ()}, "at least one relay"),
        ({"cores": 0}, "cores is between"),
        ({"cores": 65}, "cores is between"),
        ({"cores": 60, "buffer": 5}, "buffer is between 0 and 4"),
        ({"memory_bytes": 0}, "memory_bytes"),
        ({"page_host": "0.0.0.0"}, "private"),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        config(**changes)


def test_the_secret_is_not_shown() -> None:
    assert SECRET.to_bytes().hex() not in repr(config())


def test_a_directory_is_for_one_node_at_a_time(tmp_path: Path) -> None:
    with Home(tmp_path), pytest.raises(NodeDirectoryInUse, match=str(tmp_path)), Home(tmp_path):
        pass
    with Home(tmp_path):
        pass


def test_a_pause_is_remembered(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        home.paused_because = "a film ✓"
    with Home(tmp_path) as home:
        assert home.paused_because == "a film ✓"
        home.paused_because = None
        assert home.paused_because is None
