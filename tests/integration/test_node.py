"""A node as a process against a real relay, and a coordinator that follows a script."""

from __future__ import annotations

import asyncio
import functools
import os
import secrets
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from newral_testing.node_process import DidNotStart, NodeProcess
from newral_testing.relays import embedded_relay
from newral_testing.work_giver import WorkGiver, bpsw_unit, lease

from newral_kernels import registry
from newral_node.control import ControlError, request
from newral_spec.keys import SecretKey

# Microseconds of work on the machine on which the kernel was calibrated.
SHORT = 300_000
LONG = 3_000_000
ENDLESS = 100_000_000

RESIDENT_BYTES_MAX = 60 * 2**20


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded_relay(tmp_path_factory.mktemp("relay") / "events.sqlite") as running:
        yield running.url


@pytest.fixture
async def giver(relay: str) -> AsyncIterator[WorkGiver]:
    scripted = WorkGiver(relay)
    async with scripted.listening():
        yield scripted


@pytest.fixture
def secret() -> SecretKey:
    return SecretKey(secrets.token_bytes(32))


Start = Callable[..., NodeProcess]


@pytest.fixture
def start(tmp_path: Path, secret: SecretKey, giver: WorkGiver, relay: str) -> Iterator[Start]:
    started: list[NodeProcess] = []

    def start_node(**settings: Any) -> NodeProcess:
        fields = {"cores": 1, "page_port": None, **settings}
        node = NodeProcess(tmp_path / "node", secret, giver.public_key, [relay], **fields)
        started.append(node)
        return node

    yield start_node
    for node in started:
        node.__exit__()


@functools.cache
def expected(width: int) -> dict[str, Any]:
    kernel = registry.get("bpsw")
    return kernel.run(bpsw_unit(width), progress=lambda _: None, checkpoint=lambda _: None)


async def until(condition: Callable[[], bool], limit_s: float = 60) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - what other processes do sets no event
            await asyncio.sleep(0.05)


def workers_of(node: NodeProcess) -> list[psutil.Process]:
    return psutil.Process(node.pid).children()


def is_alive(process: psutil.Process) -> bool:
    """An orphan that nobody reaps is dead all the same."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def status_of(node: NodeProcess) -> dict[str, Any]:
    return request(node.directory, "status")


def has_checkpoint(node: NodeProcess) -> bool:
    path = f"file:{node.directory / 'queue.sqlite3'}?mode=ro"
    store = sqlite3.connect(path, uri=True)
    try:
        return store.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)
    finally:
        store.close()


async def test_a_unit_is_asked_for_computed_sealed_and_paid(
    start: Start, giver: WorkGiver, secret: SecretKey
) -> None:
    node = start()
    asked = await giver.request(lambda said: said.slots == 2)
    assert {kernel.name for kernel in asked.kernels} >= {"bpsw", "carmichael"}
    unit = lease("bpsw", bpsw_unit(SHORT))
    await giver.offer(secret.public_key, unit)
    event, sealed, index = await giver.results_of(unit)
    assert event.pubkey == secret.public_key
    assert sealed.commitments[index].fence == unit.fence
    assert sealed.expiration > time.time() + 6 * 24 * 3600
    assert sealed.results[index].result == expected(SHORT)
    await giver.accept(secret.public_key, unit, microcredits=1_500_000)
    await until(lambda: status_of(node)["credits"] == 1_500_000)
    status = status_of(node)
    assert (status["accepted"], status["units"]) == (1, [])
    assert node.stop() == 0


async def test_a_killed_node_goes_on_where_it_was_and_commits_once(
    start: Start, giver: WorkGiver, secret: SecretKey
) -> None:
    node = start()
    await giver.request(lambda said: said.slots > 0)
    unit = lease("bpsw", bpsw_unit(LONG))
    await giver.offer(secret.public_key, unit)
    await until(lambda: has_checkpoint(node))
    orphans = workers_of(node)
    assert orphans
    node.kill()
    await until(lambda: not any(map(is_alive, orphans)))
    start()
    resumed = await giver.request(lambda said: bool(said.holding))
    assert resumed.holding[0].lease == unit.id
    _, sealed, index = await giver.results_of(unit)
    assert sealed.results[index].result == expected(LONG)
    assert len(giver.commitments_of(unit)) == 1


async def test_a_stopped_node_ends_soon_and_resumes_from_its_checkpoint(
    start: Start, giver: WorkGiver, secret: SecretKey
) -> None:
    node = start()
    await giver.request(lambda said: said.slots > 0)
    unit = lease("bpsw", bpsw_unit(LONG))
    await giver.offer(secret.public_key, unit)
    await giver.request(lambda said: any(each.state == "started" for each in said.holding))
    assert node.stop() == 0
    assert has_checkpoint(node)
    start()
    _, sealed, index = await giver.results_of(unit)
    assert sealed.results[index].result == expected(LONG)


async def test_a_result_that_no_relay_took_survives_a_kill(
    tmp_path: Path, secret: SecretKey
) -> None:
    database = tmp_path / "events.sqlite"
    relay = embedded_relay(database)
    port = int(relay.url.rstrip("/").rpartition(":")[2])
    giver = WorkGiver(relay.url)
    async with giver.listening():
        settings: dict[str, Any] = {"cores": 1, "page_port": None}
        arguments = (tmp_path / "node", secret, giver.public_key, [relay.url])
        with NodeProcess(*arguments, **settings) as node:
            await giver.request(lambda said: said.slots > 0)
            unit = lease("bpsw", bpsw_unit(3 * SHORT))
            await giver.offer(secret.public_key, unit)
            await giver.request(lambda said: bool(said.holding))
            relay.kill()
            await until(lambda: status_of(node)["units"][0]["state"] in ("computed", "sealed"))
            node.kill()
        with embedded_relay(database, port=port), NodeProcess(*arguments, **settings):
            _, sealed, index = await giver.results_of(unit)
            assert sealed.results[index].result == expected(3 * SHORT)
            assert len(giver.commitments_of(unit)) == 1


async def test_a_strangers_offer_is_ignored(
    start: Start, relay: str, giver: WorkGiver, secret: SecretKey
) -> None:
    node = start()
    await giver.request(lambda said: said.slots == 2)
    stranger = WorkGiver(relay)
    async with stranger.listening():
        await stranger.offer(secret.public_key, lease("bpsw", bpsw_unit(SHORT)))
    unit = lease("bpsw", bpsw_unit(SHORT))
    await giver.offer(secret.public_key, unit)
    await giver.results_of(unit)
    assert [each["lease"] for each in status_of(node)["units"]] == [unit.id]


async def test_a_kernel_of_another_identity_is_declined(
    start: Start, giver: WorkGiver, secret: SecretKey
) -> None:
    start()
    await giver.request(lambda said: said.slots > 0)
    unit = lease("bpsw", bpsw_unit(SHORT), identity="0" * 64)
    await giver.offer(secret.public_key, unit)
    said = await giver.request(lambda said: bool(said.declined))
    assert said.declined[0].lease == unit.id
    assert "identity" in said.declined[0].reason
    assert said.holding == ()


async def test_a_revoked_unit_is_no_longer_computed(
    start: Start, giver: WorkGiver, secret: SecretKey
) -> None:
    node = start()
    await giver.request(lambda said: said.slots > 0)
    unit = lease("bpsw", bpsw_unit(ENDLESS))
    await giver.offer(secret.public_key, unit)
    await until(lambda: bool(workers_of(node)))
    await giver.offer(secret.public_key, revoked=(unit.id,))
    await until(lambda: not workers_of(node))
    assert status_of(node)["units"] == []


async def test_a_paused_node_computes_nothing_until_it_is_resumed(
    start: Start, giver: WorkGiver, secret: SecretKey
) -> None:
    node = start()
    await giver.request(lambda said: said.slots > 0)
    unit = lease("bpsw", bpsw_unit(LONG))
    await giver.offer(secret.public_key, unit)
    await until(lambda: bool(workers_of(node)))
    request(node.directory, "pause", reason="a film is on")
    await giver.request(lambda said: said.slots == 0)
    await until(lambda: not workers_of(node))
    status = status_of(node)
    assert (status["state"], status["why"]) == ("paused", "a film is on")
    node.stop()
    node = start()  # and it stays paused
    assert status_of(node)["state"] == "paused"
    request(node.directory, "resume")
    _, sealed, index = await giver.results_of(unit)
    assert sealed.results[index].result == expected(LONG)


async def test_a_worker_that_was_killed_is_replaced_once(
    start: Start, giver: WorkGiver, secret: SecretKey
) -> None:
    node = start()
    await giver.request(lambda said: said.slots > 0)
    unit = lease("bpsw", bpsw_unit(ENDLESS))
    await giver.offer(secret.public_key, unit)
    await until(lambda: bool(workers_of(node)))
    first = workers_of(node)[0].pid
    os.kill(first, signal.SIGSEGV)
    await until(lambda: any(worker.pid != first for worker in workers_of(node)))
    os.kill(workers_of(node)[0].pid, signal.SIGSEGV)
    _, sealed, index = await giver.results_of(unit)
    failed = sealed.results[index].failed
    assert failed is not None
    assert "SIGSEGV" in failed


async def test_one_directory_is_for_one_node(start: Start) -> None:
    node = start()
    with pytest.raises(DidNotStart):
        start()
    assert status_of(node)["pid"] == node.pid


async def test_an_idle_node_is_small_and_nobody_answers_after_it_ended(
    start: Start, giver: WorkGiver
) -> None:
    node = start(page_port=0)
    await giver.request(lambda said: said.slots == 2)
    assert psutil.Process(node.pid).memory_info().rss < RESIDENT_BYTES_MAX
    assert node.stop() == 0
    with pytest.raises(ControlError, match="no node is running"):
        status_of(node)
