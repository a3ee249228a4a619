"""One market for all tests that do it no lasting harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from newral_testing.markets import UpMarket, up


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpMarket]:
    """`newral up` with two nodes, running."""
    with up(tmp_path_factory.mktemp("session") / "market") as running:
        yield running
