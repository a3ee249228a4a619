"""Uploading blobs: who may, what is refused before and after the body, and how it ends."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest
from newral_testing.http_server import NODE, NOW, STRANGER, Served, authorise, served

from newral_coordinator.http import Bounds
from newral_spec import limits
from newral_spec.event import sign_event
from newral_spec.kinds import Kind
from newral_spec.nips import authorization_header, blossom

DATA = bytes(range(251)) * 4001
SHA256 = hashlib.sha256(DATA).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as running:
        yield running


async def problem(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    assert answer.content_type == "application/problem+json"
    body: dict[str, Any] = await answer.json(content_type=None)
    assert body["status"] == answer.status
    assert answer.headers["X-Reason"]
    return body


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(1024)
        await asyncio.sleep(0.01)


async def incoming(directory: Path, expected: int) -> None:
    """Wait until so many uploads lie unfinished on the disk."""
    for _ in range(1000):
        if len(list((directory / "incoming").iterdir())) == expected:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"there are never {expected} unfinished uploads")


def head(headers: dict[str, str], length: int | str) -> bytes:
    lines = [
        "PUT /upload HTTP/1.1",
        "Host: here",
        f"Content-Length: {length}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def test_an_authorised_upload_is_stored_and_described(server: Served) -> None:
    async with server.client.put("/upload", data=DATA, headers=authorise(SHA256)) as answer:
        assert answer.status == 200
        assert await answer.json() == {
            "url": f"{server.url}/{SHA256}",
            "sha256": SHA256,
            "size": len(DATA),
            "type": "application/octet-stream",
            "uploaded": NOW,
        }
    async with server.client.get(f"/{SHA256}") as answer:
        assert await answer.read() == DATA


async def test_uploading_again_with_the_same_header_changes_nothing(server: Served) -> None:
    header = authorise(SHA256)
    for _ in range(2):
        async with server.client.put("/upload", data=DATA, headers=header) as answer:
            assert answer.status == 200
    assert await server.blobs.get(SHA256) == DATA


async def test_an_event_for_several_blobs_needs_the_header_that_chooses(server: Served) -> None:
    event = sign_event(
        NODE,
        kind=Kind.BLOSSOM_AUTHORIZATION,
        created_at=NOW,
        content="Upload blobs",
        tags=(("t", "upload"), ("expiration", str(NOW + 60)), ("x", OTHER), ("x", SHA256)),
    )
    headers = {"Authorization": authorization_header.encode(event)}
    async with server.client.put("/upload", data=DATA, headers=headers) as answer:
        assert answer.status == 401
        assert "X-SHA-256" in (await problem(answer))["detail"]
    headers["X-SHA-256"] = SHA256
    async with server.client.put("/upload", data=DATA, headers=headers) as answer:
        assert answer.status == 200


def unauthorised() -> dict[str, dict[str, str]]:
    """Headers that authorise nothing, by what is wrong with them."""
    good = authorise(SHA256)["Authorization"]
    wrong_kind = sign_event(
        NODE,
        kind=Kind.HTTP_AUTHORIZATION,
        created_at=NOW,
        tags=(("t", "upload"), ("expiration", str(NOW + 60)), ("x", SHA256)),
    )
    forged = msgspec.structs.replace(authorization_header.decode(good), pubkey=STRANGER.public_key)
    return {
        "nothing": {},
        "another scheme": {"Authorization": "Basic bm9ib2R5OnNlY3JldA=="},
        "garbage": {"Authorization": "Nostr ????"},
        "expired": authorise(SHA256, expiration=NOW),
        "from the future": authorise(SHA256, now=NOW + 10_000, expiration=NOW + 20_000),
        "another verb": {
            "Authorization": blossom.authorization(NODE, "delete", SHA256, NOW + 60, NOW)
        },
        "no blob": {"Authorization": blossom.authorization(NODE, "upload", None, NOW + 60, NOW)},
        "an upper-case hash": authorise(SHA256.upper()),
        "a path for a hash": authorise("../../../../tmp/x"),
        "another kind": {"Authorization": authorization_header.encode(wrong_kind)},
        "a forged author": {"Authorization": authorization_header.encode(forged)},
        "another choice": {"Authorization": good, "X-SHA-256": OTHER},
    }


@pytest.mark.parametrize("wrong", unauthorised())
async def test_without_authorisation_the_body_is_not_even_read(server: Served, wrong: str) -> None:
    headers = {**unauthorised()[wrong], "Content-Length": str(len(DATA))}
    async with (
        asyncio.timeout(10),
        server.client.put("/upload", data=endless(), headers=headers) as answer,
    ):
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Nostr"
        await problem(answer)


async def test_a_stranger_is_refused_with_the_reason(server: Served) -> None:
    headers = authorise(SHA256, secret=STRANGER)
    async with server.client.put("/upload", data=DATA, headers=headers) as answer:
        assert answer.status == 403
        assert (await problem(answer))["detail"] == "no lease of yours allows an upload"
    assert await server.blobs.size(SHA256) is None


async def test_more_than_the_lease_allows_is_refused_before_the_body(server: Served) -> None:
    server.leases.allowed[NODE.public_key] = 1000
    answer = await server.exchange(head({**authorise(SHA256), "Connection": "close"}, 1001))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"1000 bytes" in answer


async def test_more_than_any_blob_may_have_is_refused(server: Served) -> None:
    size = limits.BLOB_BYTES_MAX + 1
    answer = await server.exchange(head({**authorise(SHA256), "Connection": "close"}, size))
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_an_upload_of_undeclared_size_is_refused(server: Served) -> None:
    async with server.client.put("/upload", data=endless(), headers=authorise(SHA256)) as answer:
        assert answer.status == 411
        await problem(answer)


async def test_a_compressed_upload_is_refused(server: Served) -> None:
    headers = {**authorise(SHA256), "Content-Encoding": "gzip"}
    async with server.client.put("/upload", data=DATA, headers=headers) as answer:
        assert answer.status == 415


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "9" * 5000, "5, 6"])
async def test_a_size_that_is_no_number_is_refused(server: Served, length: str) -> None:
    answer = await server.exchange(head(authorise(SHA256), length))
    assert answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))


async def test_bytes_of_another_digest_are_refused_and_forgotten(
    server: Served, tmp_path: Path
) -> None:
    async with server.client.put("/upload", data=b"other", headers=authorise(SHA256)) as answer:
        assert answer.status == 409
        assert OTHER in (await problem(answer))["detail"]
    assert await server.blobs.size(OTHER) is None
    assert list((tmp_path / "incoming").iterdir()) == []


async def test_a_body_longer_than_declared_is_cut_where_it_should_end(server: Served) -> None:
    answer = await server.exchange(head(authorise(SHA256), len(DATA)) + DATA + b"surplus\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert await server.blobs.get(SHA256) == DATA


async def test_a_body_shorter_than_declared_leaves_nothing(server: Served, tmp_path: Path) -> None:
    address = urlsplit(server.url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(head(authorise(SHA256), len(DATA)) + DATA[:-1])
    await writer.drain()
    await incoming(tmp_path, 1)
    writer.close()
    await incoming(tmp_path, 0)
    assert await server.blobs.size(SHA256) is None


async def test_a_client_that_expects_continue_is_told_after_it_is_authorised(
    server: Served,
) -> None:
    request = aiohttp.ClientSession.put
    async with request(
        server.client, "/upload", data=DATA, headers=authorise(SHA256), expect100=True
    ) as answer:
        assert answer.status == 200
    expecting = {"Expect": "100-continue", "Connection": "close"}
    refused = await server.exchange(head(expecting, len(DATA)))
    assert refused.startswith(b"HTTP/1.1 401 ")


async def test_a_slow_body_is_given_up(tmp_path: Path) -> None:
    bounds = Bounds(linger_s=0.2, upload_base_s=0.2, upload_rate_bytes_s=10**9)
    async with served(tmp_path, bounds=bounds) as server:
        headers = {**authorise(SHA256), "Connection": "close"}
        async with asyncio.timeout(20):
            answer = await server.exchange(head(headers, len(DATA)) + DATA[:1000])
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert list((tmp_path / "incoming").iterdir()) == []


async def test_a_key_has_a_bounded_number_of_uploads_under_way(tmp_path: Path) -> None:
    bounds = Bounds(uploads_per_key_max=1)
    async with served(tmp_path, bounds=bounds) as server:
        server.leases.allowed[STRANGER.public_key] = len(DATA)
        address = urlsplit(server.url)
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(head(authorise(SHA256), len(DATA)) + DATA[:1000])
        await writer.drain()
        await incoming(tmp_path, 1)
        async with server.client.put("/upload", data=DATA, headers=authorise(SHA256)) as answer:
            assert answer.status == 429
            assert answer.headers["Retry-After"]
        other = authorise(SHA256, secret=STRANGER)
        async with server.client.put("/upload", data=DATA, headers=other) as answer:
            assert answer.status == 200
        writer.close()
        await incoming(tmp_path, 0)
        async with server.client.put("/upload", data=DATA, headers=authorise(SHA256)) as answer:
            assert answer.status == 200


async def test_all_keys_together_have_a_bounded_number_of_uploads(tmp_path: Path) -> None:
    async with (
        served(tmp_path, bounds=Bounds(uploads_max=0)) as server,
        server.client.put("/upload", data=DATA, headers=authorise(SHA256)) as answer,
    ):
        assert answer.status == 503
        assert answer.headers["Retry-After"]
