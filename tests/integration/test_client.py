"""The client against a real relay, real signatures and a coordinator that follows a script."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from newral_testing.scripted_coordinator import ScriptedCoordinator

import newral
from newral_relay_bridge.embedded_relay import RelayConfig, serve
from newral_spec.canonical import canonical_json, sha256_hex
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.messages import JobRequest, Phase, Stage, decode_job_request
from newral_spec.nips.nip19 import encode_npub
from newral_spec.sealing import unseal
from newral_spec.session.filters import Filter

ANSWER = {"count": 43, "items": ["561"]}


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[str]:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    config = RelayConfig(database=tmp_path / "events.sqlite")
    task = asyncio.create_task(serve(config, ready.set_result, stop))
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    yield ready.result()
    stop.set()
    await task


@pytest.fixture
async def coordinator(relay: str) -> AsyncIterator[ScriptedCoordinator]:
    async with ScriptedCoordinator([relay]) as scripted:
        yield scripted


@pytest.fixture
async def client(relay: str, coordinator: ScriptedCoordinator) -> AsyncIterator[newral.Client]:
    async with newral.Client(relays=[relay], coordinator=coordinator.public_key) as connected:
        yield connected


async def post(client: newral.Client) -> newral.Job:
    return await client.post("carmichael", {"bound": "10^6"}, bid="1.5", epsilon=1e-6)


@asynccontextmanager
async def blob_server(body: bytes) -> AsyncIterator[str]:
    async def serve_blob(_: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_get("/{name}", serve_blob)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_posted_job_says_what_was_asked_for(
    client: newral.Client, coordinator: ScriptedCoordinator, relay: str
) -> None:
    job = await post(client)
    (found,) = await coordinator.pool.fetch((Filter(ids=(job.id,)),))
    assert found == job.request
    assert decode_job_request(found) == JobRequest(
        workflow=(Stage(id="job", kernel="carmichael", params={"bound": "10^6"}),),
        coordinator=coordinator.public_key,
        bid=1_500_000,
        epsilon=1e-6,
        relays=(relay,),
    )


async def test_an_encrypted_job_can_be_read_by_the_coordinator_alone(
    client: newral.Client, coordinator: ScriptedCoordinator
) -> None:
    job = await client.post("carmichael", {"bound": "10^6"}, encrypted=True)
    assert "carmichael" not in job.request.content
    request = decode_job_request(job.request, unseal(job.request, coordinator.secret))
    assert request.workflow[0].params == {"bound": "10^6"}
    await coordinator.answer(job.request, ANSWER, encrypted=True)
    assert (await client.result(job.id, 10)).value == ANSWER


async def test_watching_ends_with_a_final_phase(
    client: newral.Client, coordinator: ScriptedCoordinator
) -> None:
    job = await post(client)
    await coordinator.say(job.request, "accepted", age_s=2)
    await coordinator.say(job.request, "running", progress=0.5, age_s=1)
    await coordinator.say(job.request, "completed", progress=1.0)
    seen = [feedback.phase async for feedback in client.watch(job.id)]
    assert seen[-1] == "completed"
    assert set(seen) <= {"accepted", "running", "completed"}


async def test_news_that_come_while_watching_are_seen_in_order(
    client: newral.Client, coordinator: ScriptedCoordinator
) -> None:
    job = await post(client)
    seen = []
    await coordinator.say(job.request, "accepted")
    async for feedback in client.watch(job.id):
        seen.append(feedback.phase)
        if feedback.phase == "accepted":
            await coordinator.say(job.request, "running", progress=0.25)
        if feedback.phase == "running":
            await coordinator.say(job.request, "completed")
    assert seen == ["accepted", "running", "completed"]


async def test_a_result_is_the_output_that_the_coordinator_signed(
    client: newral.Client, coordinator: ScriptedCoordinator
) -> None:
    job = await post(client)
    await coordinator.answer(job.request, ANSWER)
    output = await client.result(job.id, 10)
    assert output.value == ANSWER
    assert output.raw == canonical_json(ANSWER)
    assert output.sha256 == sha256_hex(output.raw)
    assert (output.cost, output.log_size) == (1_500_000, 7)


async def test_a_stranger_cannot_answer_or_end_a_job(
    client: newral.Client, coordinator: ScriptedCoordinator, relay: str
) -> None:
    job = await post(client)
    async with ScriptedCoordinator([relay]) as stranger:
        await stranger.answer(job.request, {"count": 0, "items": []})
        await stranger.say(job.request, "failed", reason="forged")
        with pytest.raises(newral.JobTimeout):
            await client.result(job.id, 0.5)
    await coordinator.answer(job.request, ANSWER)
    assert (await client.result(job.id, 10)).value == ANSWER


async def test_a_large_output_is_fetched_and_checked(
    client: newral.Client, coordinator: ScriptedCoordinator
) -> None:
    job = await post(client)
    value = {"items": [str(number) for number in range(50_000)]}
    raw = canonical_json(value)
    async with blob_server(raw) as url, blob_server(raw[:-1] + b"]") as lying:
        urls = (f"{lying}/{sha256_hex(raw)}", f"{url}/{sha256_hex(raw)}")
        await coordinator.answer(job.request, value, urls=urls)
        assert (await client.result(job.id, 10)).value == value


@pytest.mark.parametrize("spoil", [lambda raw: raw + b" ", lambda raw: raw[:-1], lambda _: b""])
async def test_a_blob_with_another_hash_is_not_believed(
    client: newral.Client,
    coordinator: ScriptedCoordinator,
    spoil: Callable[[bytes], bytes],
) -> None:
    job = await post(client)
    async with blob_server(spoil(canonical_json(ANSWER))) as url:
        await coordinator.answer(job.request, ANSWER, urls=(f"{url}/x",))
        with pytest.raises(newral.InvalidOutput):
            await client.result(job.id, 10)


async def test_a_refusal_carries_its_code_and_reason(
    client: newral.Client, coordinator: ScriptedCoordinator
) -> None:
    job = await post(client)
    await coordinator.say(job.request, "refused", code="insufficient_funds", reason="you have 0")
    with pytest.raises(newral.JobRefused, match="you have 0") as caught:
        await client.result(job.id, 10)
    assert caught.value.code == "insufficient_funds"


@pytest.mark.parametrize("phase", ["failed", "cancelled", "expired"])
async def test_a_job_without_a_result_says_how_it_ended(
    client: newral.Client, coordinator: ScriptedCoordinator, phase: Phase
) -> None:
    job = await post(client)
    await coordinator.say(job.request, phase, reason="a reason")
    with pytest.raises(newral.JobFailed, match="a reason") as caught:
        await client.result(job.id, 10)
    assert caught.value.phase == phase


async def test_cancelling_asks_for_the_deletion_of_the_request(
    client: newral.Client, coordinator: ScriptedCoordinator
) -> None:
    job = await post(client)
    await client.cancel(job.id)
    (deletion,) = await coordinator.pool.fetch((Filter(kinds=(Kind.DELETION,)),))
    assert deletion.pubkey == client.public_key
    assert deletion.first("e") == job.id
    assert deletion.first("p") == coordinator.public_key


async def test_own_jobs_are_listed_with_their_latest_news(
    relay: str, coordinator: ScriptedCoordinator
) -> None:
    secret = SecretKey(secrets.token_bytes(32))
    async with newral.Client(
        relays=[relay], secret=secret, coordinator=coordinator.public_key
    ) as client:
        done = await client.post("carmichael", {"bound": "10^6"})
        waiting = await client.post("bpsw", {"start": "2^64", "stop": "2^64+10"})
        await coordinator.say(done.request, "running", progress=0.5)
        await coordinator.say(done.request, "completed")
        async with ScriptedCoordinator([relay]) as stranger:
            await stranger.say(waiting.request, "failed")
        views = {view.id: view for view in await client.jobs()}
    assert views[done.id].phase == "completed"
    assert views[done.id].title == "carmichael"
    assert views[waiting.id].phase is None


async def test_the_only_coordinator_on_the_relays_is_found(
    relay: str, coordinator: ScriptedCoordinator
) -> None:
    await coordinator.announce([relay])
    async with newral.Client(relays=[relay]) as client:
        assert await client.coordinator() == coordinator.public_key
        assert (await client.announcement()).name == "scripted"


async def test_of_two_coordinators_none_is_chosen(
    relay: str, coordinator: ScriptedCoordinator
) -> None:
    await coordinator.announce([relay])
    async with ScriptedCoordinator([relay]) as other:
        await other.announce([relay])
    async with newral.Client(relays=[relay]) as client:
        with pytest.raises(newral.NewralError, match=encode_npub(coordinator.public_key)):
            await client.coordinator()


async def test_another_process_follows_a_job_by_its_id_alone(
    client: newral.Client, coordinator: ScriptedCoordinator, relay: str
) -> None:
    job = await post(client)
    await coordinator.answer(job.request, ANSWER)
    async with newral.Client(relays=[relay]) as other:
        assert (await other.result(job.id, 10)).value == ANSWER


async def test_the_synchronous_client_does_the_same(
    relay: str, coordinator: ScriptedCoordinator
) -> None:
    def use() -> tuple[list[str], object]:
        with newral.SyncClient(relays=[relay], coordinator=coordinator.public_key) as client:
            job = client.post("carmichael", {"bound": "10^6"})
            asyncio.run_coroutine_threadsafe(respond(job), loop).result()
            phases = [feedback.phase for feedback in client.watch(job.id)]
            return phases[-1:], client.result(job.id, 10).value

    async def respond(job: newral.Job) -> None:
        await coordinator.say(job.request, "running", progress=0.5)
        await coordinator.say(job.request, "completed")
        await coordinator.answer(job.request, ANSWER)

    loop = asyncio.get_running_loop()
    assert await asyncio.to_thread(use) == (["completed"], ANSWER)
    assert not [thread for thread in threading.enumerate() if thread.name == "newral client"]


async def test_an_unreachable_relay_is_named() -> None:
    nobody = SecretKey(secrets.token_bytes(32)).public_key
    async with newral.Client(
        relays=["ws://127.0.0.1:9"], coordinator=nobody, relay_timeout_s=0.5
    ) as client:
        with pytest.raises(newral.NewralError, match=r"ws://127\.0\.0\.1:9"):
            await client.post("carmichael", {"bound": "10^6"})
