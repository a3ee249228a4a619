"""A job comes to its one right end whatever is killed in its midst, and nothing is paid twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from newral_testing.markets import UpMarket, until, up

from newral_spec.trail import TransferPosted

pytestmark = pytest.mark.timeout(300)

SEARCH = ("bpsw", "2^64", "2^64+200000000")
ODD_NUMBERS = 100_000_000
PRIMES = 4_508_114  # GMP, over the same range

LONG_SEARCH = ("bpsw", "2^64", "2^64+300000000")
LONG_ODD_NUMBERS = 150_000_000
LONG_PRIMES = 6_762_764  # GMP

CARMICHAEL_BELOW_10_TO_14 = 44_706  # Pinch


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpMarket]:
    """A market of which anything may be killed; nothing of it is left in the end."""
    with up(tmp_path_factory.mktemp("faults") / "market") as market:
        yield market
        processes = market.process.children()
        assert market.process.stop() == 0
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive


def kill(pids: Iterable[int]) -> None:
    """kill -9, at once; some may have ended because of the others."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def with_descendants(pid: int) -> set[int]:
    return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}


def coordinator(market: UpMarket) -> set[int]:
    return market.pids("coordinator run")


def relay(market: UpMarket) -> set[int]:
    return market.pids("relay serve")


def postmaster(market: UpMarket) -> set[int]:
    return {market.postmaster()}


def node_and_workers(market: UpMarket) -> set[int]:
    return with_descendants(min(market.pids("node run")))


def everything(market: UpMarket) -> set[int]:
    return {child.pid for child in market.process.children()}


def assert_sound(market: UpMarket) -> None:
    """Nobody was paid twice for a lease, and the audit finds nothing."""
    paid = Counter(
        entry.lease
        for entry in market.trail()
        if isinstance(entry, TransferPosted) and entry.reason == "work"
    )
    assert paid
    assert set(paid.values()) == {1}
    assert market.audit()["differences"] == []


@pytest.mark.parametrize("who", [coordinator, node_and_workers, postmaster, relay])
def test_a_job_survives_the_death_of(victim: UpMarket, who: Callable[[UpMarket], set[int]]) -> None:
    job = victim.post(*SEARCH)
    victim.until_halfway(job)
    killed = who(victim)
    kill(killed)
    output = victim.output(job)
    assert (output["tested"], output["probable_primes"]) == (ODD_NUMBERS, PRIMES)
    assert output["hits"] == []
    until(lambda: who(victim) - killed, f"the {who.__name__} to be there again")
    assert_sound(victim)


def test_a_job_survives_a_storm(victim: UpMarket) -> None:
    job = victim.post(*LONG_SEARCH)
    victim.until_halfway(job)
    for who in (relay, node_and_workers, postmaster, coordinator):
        kill(who(victim))
    for _ in range(2):
        done = victim.until_halfway(job)
        kill(everything(victim))
        until(
            lambda done=done: (view := victim.job(job)) and view["units"]["accepted"] > done,
            "work to go on",
        )
    output = victim.output(job)
    assert (output["tested"], output["probable_primes"]) == (LONG_ODD_NUMBERS, LONG_PRIMES)
    assert_sound(victim)


def test_a_market_that_starts_again_finishes_what_it_had_begun(tmp_path: Path) -> None:
    with up(tmp_path / "market") as market:
        job = market.post("carmichael", "10^14")
        market.until_halfway(job)
        processes = market.process.children()
        assert market.process.stop() == 0
        _, alive = psutil.wait_procs(processes, timeout=10)
        assert not alive
    with up(tmp_path / "market") as market:
        assert market.output(job)["count"] == CARMICHAEL_BELOW_10_TO_14
        assert_sound(market)
