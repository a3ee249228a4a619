"""A trail obtained from a real relay and a real server, audited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from newral_testing.http_server import Served, served
from newral_testing.relays import RelayProcess, embedded_relay
from newral_testing.trails import COORDINATOR, honest_market, key

from newral_ledger.audit import AuditInputs, Code, audit
from newral_ledger.audit.fetch import fetch_trail
from newral_ledger.audit.server import FetchError, TrailServer
from newral_ledger.tiles import BUNDLE_WIDTH, bundle_addresses, encode_bundle
from newral_spec.event import Event, parse_event, sign_draft
from newral_spec.kinds import Kind
from newral_spec.messages import Announcement, encode_announcement
from newral_spec.transport import RelayPool


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    with embedded_relay(tmp_path / "relay.sqlite") as relay:
        yield relay


def busy_market_inputs() -> AuditInputs:
    """A log of more than one bundle."""
    market = honest_market()
    job = market.accept_job("dave", 8, budget=9000)
    for index in range(80):
        lease = market.lend(job, index, "p1")
        market.commit(lease, "p1", answer=index)
        market.judge(lease, "accepted", "proved: by its certificate")
    market.checkpoint()
    return market.inputs()


INPUTS = busy_market_inputs()


def announcement(url: str) -> Event:
    content = Announcement(
        name="A market",
        software="newral",
        kernels=(),
        relays=(),
        blobs=url,
        price=100,
        quorum=2,
    )
    return sign_draft(COORDINATOR, encode_announcement(content), 1_700_000_000)


def fill(server: Served, inputs: AuditInputs) -> None:
    """Serve the trail as the coordinator does."""
    assert inputs.claimed is not None
    server.trail.checkpoint_json = inputs.checkpoints[-1].to_json()
    for address in bundle_addresses(len(inputs.entries)):
        entries = inputs.entries[address.start : address.start + address.width]
        width = None if address.width == BUNDLE_WIDTH else address.width
        server.trail.bundles[address.number, width] = encode_bundle(entries)
    server.trail.archive = dict(inputs.events)
    server.trail.ledger = {
        "log_size": inputs.claimed.log_size,
        "balances": dict(inputs.claimed.balances),
    }


@asynccontextmanager
async def market(relay: RelayProcess, directory: Path) -> AsyncIterator[Served]:
    """A served trail whose public part is on the relay; the seal and one request are not."""
    requests = [parse_event(raw) for raw in INPUTS.events.values()]
    public = [event for event in requests if event.kind == Kind.JOB_REQUEST][1:]
    # All but the newest checkpoint and the first receipt: relays lag, and relays forget.
    signed = [*INPUTS.checkpoints[:-1], *INPUTS.receipts[1:]]
    async with served(directory) as server:
        fill(server, INPUTS)
        server.trail.receipt_pages = [[event.to_json()] for event in INPUTS.receipts[:2]]
        async with RelayPool([relay.url]) as pool:
            for event in [announcement(server.url), *signed, *public]:
                outcomes = await pool.publish(event)
                assert all(outcome.is_accepted for outcome in outcomes.values()), outcomes
        yield server


async def test_a_trail_is_found_by_key_and_relay_alone(relay: RelayProcess, tmp_path: Path) -> None:
    async with market(relay, tmp_path / "blobs") as server:
        inputs = await fetch_trail(COORDINATOR.public_key, [relay.url])
        asked = {event_id for ids in server.trail.asked for event_id in ids}
    report = audit(inputs)
    assert report.differences == ()
    assert report.counts == audit(INPUTS).counts
    assert inputs.entries == INPUTS.entries
    # What the relay had was not asked of the coordinator.
    assert len(asked) == len(INPUTS.events) - 2


async def test_a_receipt_that_everybody_has_lost_is_missed(
    relay: RelayProcess, tmp_path: Path
) -> None:
    async with market(relay, tmp_path / "blobs") as server:
        server.trail.receipt_pages.clear()
        inputs = await fetch_trail(COORDINATOR.public_key, [relay.url])
    codes = {difference.code for difference in audit(inputs).differences}
    assert codes == {Code.RECEIPT_MISSING}


async def test_a_server_that_serves_less_than_it_signed_is_found_out(
    relay: RelayProcess, tmp_path: Path
) -> None:
    async with market(relay, tmp_path / "blobs") as server:
        del server.trail.bundles[1, len(INPUTS.entries) - BUNDLE_WIDTH]
        server.trail.archive.popitem()
        inputs = await fetch_trail(COORDINATOR.public_key, [relay.url])
    codes = {difference.code for difference in audit(inputs).differences}
    assert {Code.CHECKPOINT_BEYOND_LOG, Code.BALANCES_BEYOND_LOG} <= codes


async def test_what_is_nowhere_to_be_found_is_missing(relay: RelayProcess, tmp_path: Path) -> None:
    async with market(relay, tmp_path / "blobs") as server:
        server.trail.archive.clear()
        inputs = await fetch_trail(COORDINATOR.public_key, [relay.url])
    codes = {difference.code for difference in audit(inputs).differences}
    assert codes == {Code.REQUEST_UNPROVEN, Code.COMMITMENT_UNPROVEN}


async def test_a_coordinator_that_nobody_knows_has_no_trail(relay: RelayProcess) -> None:
    with pytest.raises(FetchError, match="no announcement"):
        await fetch_trail(key("stranger").public_key, [relay.url])
    with pytest.raises(FetchError, match="at least one relay"):
        await fetch_trail(COORDINATOR.public_key, [])


async def test_a_server_that_is_gone_is_named(relay: RelayProcess) -> None:
    with pytest.raises(FetchError, match=r"127\.0\.0\.1:1/log/checkpoint"):
        await fetch_trail(COORDINATOR.public_key, [relay.url], blobs="http://127.0.0.1:1")
    with pytest.raises(FetchError, match="over HTTP"):
        await fetch_trail(COORDINATOR.public_key, [relay.url], blobs="ws://127.0.0.1:1")


async def test_nonsense_from_the_server_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as server, TrailServer(server.url) as client:
        assert await client.checkpoint() is None
        assert (await client.balances()).log_size == 0
        server.trail.checkpoint_json = b"[]"
        with pytest.raises(FetchError, match="no event"):
            await client.checkpoint()
        server.trail.checkpoint_json = b" " * 200_000
        with pytest.raises(FetchError, match="more than"):
            await client.checkpoint()
        server.trail.bundles[0, 2] = b"\x00\x01a"
        with pytest.raises(FetchError, match="ends in entry 1"):
            await client.entries(2)
        with pytest.raises(FetchError, match="more than"):
            await client.entries(2**53)
        server.trail.archive["0" * 64] = b"not an event"
        assert await client.events(["0" * 64]) == {}
