"""Units and results that are too large for an event, over the coordinator's own blob server."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from newral_testing.http_server import FilledMarket, FilledTrail, Leases, Secrets
from newral_testing.node_process import NodeProcess
from newral_testing.relays import embedded_relay
from newral_testing.work_giver import WorkGiver, lease

from newral_coordinator.blobs import BlobStore, DiskBlobStore
from newral_coordinator.http import create_app, serve
from newral_kernels import registry
from newral_node.blobs import BlobClient, BlobError
from newral_spec.canonical import canonical_json, sha256_hex
from newral_spec.keys import SecretKey
from newral_spec.messages import BlobRef

NODE = SecretKey(b"\x05" * 32)


@contextlib.asynccontextmanager
async def blob_server(directory: Path, allowed: int) -> AsyncIterator[tuple[str, BlobStore]]:
    """The coordinator's, by the real calendar; `NODE` may upload `allowed` bytes."""
    store = DiskBlobStore(directory)
    app = create_app(
        blobs=store,
        trail=FilledTrail(),
        market=FilledMarket(),
        may_read=Secrets().may_read,
        may_upload=Leases({NODE.public_key: allowed}).may_upload,
        clock=time.time,
    )
    async with serve(app) as url:
        yield url, store


def merge_unit() -> dict[str, Any]:
    """Some 40 KB of parameters, from which comes a result of some 40 KB."""
    kernel = registry.get("carmichael")
    params = kernel.validate({"bound": "10^9"})
    units = kernel.plan(params)
    parts = [kernel.run(unit, progress=lambda _: None, checkpoint=lambda _: None) for unit in units]
    items = kernel.reduce(params, parts)["items"]
    merge = registry.get("carmichael-merge")
    return next(iter(merge.plan(merge.validate({"bound": "10^9", "items": items}))))


async def test_a_large_unit_and_its_large_result_travel_as_blobs(tmp_path: Path) -> None:
    unit = merge_unit()
    raw = canonical_json(unit)
    expected = canonical_json(
        registry.get("carmichael-merge").run(
            unit, progress=lambda _: None, checkpoint=lambda _: None
        )
    )
    with embedded_relay(tmp_path / "events.sqlite") as relay:
        giver = WorkGiver(relay.url)
        async with giver.listening(), blob_server(tmp_path / "blobs", 10**6) as (url, store):
            await giver.announce(url)
            blob = await store.put(raw, expected_sha256=sha256_hex(raw), size_max=10**6)
            arguments = (tmp_path / "node", NODE, giver.public_key, [relay.url])
            with NodeProcess(*arguments, cores=1, page_port=None):
                await giver.request(lambda said: said.slots > 0)
                wanted = lease("carmichael-merge", blob=BlobRef(blob.sha256, blob.size))
                await giver.offer(NODE.public_key, wanted)
                _, sealed, index = await giver.results_of(wanted)
                result = sealed.results[index]
                assert result.result is None
                assert result.blob == BlobRef(sha256_hex(expected), len(expected))
                assert await store.get(result.blob.sha256) == expected


@pytest.fixture
async def client() -> AsyncIterator[BlobClient]:
    opened = BlobClient(NODE, time.time)
    yield opened
    await opened.close()


async def test_an_upload_beyond_what_is_allowed_is_refused_for_good(
    tmp_path: Path, client: BlobClient
) -> None:
    async with blob_server(tmp_path, 10) as (url, _):
        client.base_url = url
        assert (await client.upload(b"0123456789")).size == 10
        with pytest.raises(BlobError, match="allow 10 bytes") as caught:
            await client.upload(b"0123456789+")
        assert caught.value.refused


async def test_without_a_server_a_transfer_may_be_tried_again(client: BlobClient) -> None:
    with pytest.raises(BlobError, match="announced no blob server"):
        await client.upload(b"1")
    client.base_url = "http://127.0.0.1:9"
    with pytest.raises(BlobError) as caught:
        await client.fetch(BlobRef("00" * 32, 1))
    assert not caught.value.refused


@contextlib.asynccontextmanager
async def liar(answer: bytes) -> AsyncIterator[str]:
    """Answers everything with `answer`, again and again."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                await response.write(answer)
        return response

    app = web.Application()
    app.router.add_get("/{any}", endless)
    async with serve(app) as url:
        yield url


async def test_a_server_that_sends_something_else_is_found_out(client: BlobClient) -> None:
    async with liar(b"x") as url:
        client.base_url = url
        with pytest.raises(BlobError, match="is something else"):
            await client.fetch(BlobRef(sha256_hex(b"y" * 1000), 1000))
        with pytest.raises(BlobError, match="is something else"):
            await client.fetch(BlobRef(secrets.token_hex(32), 2000))


async def test_a_server_that_sends_more_is_cut_off(client: BlobClient) -> None:
    async with liar(b"x" * 100_000) as url, asyncio.timeout(30):
        client.base_url = url
        with pytest.raises(BlobError, match="more than 5 bytes"):
            await client.fetch(BlobRef("00" * 32, 5))


async def test_nobody_is_followed_to_another_address(client: BlobClient) -> None:
    async def elsewhere(_request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:9/secret")

    app = web.Application()
    app.router.add_get("/{any}", elsewhere)
    async with serve(app) as url:
        client.base_url = url
        with pytest.raises(BlobError, match="status 302"):
            await client.fetch(BlobRef("00" * 32, 5))
