"""The market on relays that nobody here wrote, and on two of which one dies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from newral_testing.markets import apart
from newral_testing.relays import RelayProcess, embedded_relay, javascript_relay, rust_relay

CARMICHAEL_BELOW_10_TO_9 = 646

SEARCH = ("bpsw", "2^64", "2^64+100000000")
ODD_NUMBERS = 50_000_000


@pytest.mark.parametrize("start", [javascript_relay, rust_relay])
def test_a_job_is_done_and_audited_on_a_foreign_relay_alone(
    tmp_path: Path, start: Callable[[], RelayProcess]
) -> None:
    with start() as relay, apart(tmp_path, [relay.url]) as market:
        words = ("carmichael", "10^9", "--bid=5", "--wait", "--timeout=90")
        assert market.told("job", "post", *words)["output"]["count"] == CARMICHAEL_BELOW_10_TO_9
        report = market.audit()
        assert report["differences"] == []
        assert report["counts"]["jobs"] == 1


@pytest.mark.parametrize("victim", ["ours", "theirs"])
def test_a_job_survives_the_death_of_one_of_two_relays(tmp_path: Path, victim: str) -> None:
    with embedded_relay(tmp_path / "relay.sqlite") as ours, javascript_relay() as theirs:
        relays = {"ours": ours, "theirs": theirs}
        with apart(tmp_path, [ours.url, theirs.url]) as market:
            job = market.post(*SEARCH)
            market.until_halfway(job)
            relays[victim].kill()
            output = market.output(job)
            assert output["tested"] == ODD_NUMBERS
            assert output["hits"] == []
            assert market.audit()["differences"] == []
