"""Fetching blobs over HTTP: whole, in part, not at all."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from newral_testing.http_server import Served, served

DATA = bytes(range(251)) * 4001
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as running:
        await running.blobs.put(DATA)
        yield running


async def test_a_blob_is_served_as_bytes_that_no_browser_runs_and_every_cache_keeps(
    server: Served,
) -> None:
    async with server.client.get(f"/{SHA256}") as answer:
        assert answer.status == 200
        assert await answer.read() == DATA
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "sandbox"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["ETag"] == f'"{SHA256}"'
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_blob_that_may_not_be_read_is_as_good_as_none(server: Served) -> None:
    server.hidden.permissions[SHA256] = "sesame"
    async with server.client.get(f"/{'0' * 64}") as answer:
        nothing = (await answer.json())["detail"].replace("0" * 64, SHA256)
    for query in ("", "?permission=", "?permission=open", "?permission=sesam%C3%A9"):
        async with server.client.get(f"/{SHA256}{query}") as answer:
            assert answer.status == 404
            assert (await answer.json())["detail"] == nothing
    async with server.client.get(f"/{SHA256}?permission=sesame") as answer:
        assert (answer.status, await answer.read()) == (200, DATA)


async def test_an_empty_blob_is_served(server: Served) -> None:
    ref = await server.blobs.put(b"")
    async with server.client.get(f"/{ref.sha256}") as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_an_extension_is_accepted_and_changes_nothing(server: Served) -> None:
    async with server.client.get(f"/{SHA256}.html") as answer:
        assert answer.content_type == "application/octet-stream"
        assert await answer.read() == DATA


async def test_head_tells_the_size_and_sends_nothing(server: Served) -> None:
    async with server.client.head(f"/{SHA256}") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Length"] == str(len(DATA))
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert await answer.read() == b""


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=500000-", 500_000, len(DATA)),
        ("bytes=10-99999999", 10, len(DATA)),
        ("bytes=-7", len(DATA) - 7, len(DATA)),
    ],
)
async def test_a_range_is_served_as_that_part(
    server: Served, asked: str, start: int, stop: int
) -> None:
    async with server.client.get(f"/{SHA256}", headers={"Range": asked}) as answer:
        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(DATA)}"
        assert await answer.read() == DATA[start:stop]


async def test_a_range_beyond_the_end_is_refused_with_the_size(server: Served) -> None:
    async with server.client.get(f"/{SHA256}", headers={"Range": "bytes=9999999-"}) as answer:
        assert answer.status == 416
        assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=a-b", "bytes=" + "9" * 5000 + "-", "bytes=5-1"]
)
async def test_a_range_that_is_not_understood_gets_the_whole(server: Served, asked: str) -> None:
    async with server.client.get(f"/{SHA256}", headers={"Range": asked}) as answer:
        assert answer.status == 200
        assert await answer.read() == DATA


async def test_a_range_of_another_version_gets_the_whole(server: Served) -> None:
    headers = {"Range": "bytes=0-0", "If-Range": '"other"'}
    async with server.client.get(f"/{SHA256}", headers=headers) as answer:
        assert answer.status == 200


async def test_a_client_that_has_the_blob_does_not_get_it_again(server: Served) -> None:
    headers = {"If-None-Match": f'"{SHA256}"'}
    async with server.client.get(f"/{SHA256}", headers=headers) as answer:
        assert answer.status == 304
        assert await answer.read() == b""


@pytest.mark.parametrize(
    "path",
    [
        "ab" * 32,
        SHA256.upper(),
        SHA256[:-1],
        SHA256 + "0",
        "../../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        f"{SHA256[:2]}/{SHA256[2:4]}/{SHA256}",
        f"{SHA256}/..",
        f"{SHA256}%00",
        "incoming/",
    ],
)
async def test_what_is_no_stored_blob_is_not_found(server: Served, path: str) -> None:
    answer = await server.exchange(
        f"GET /{path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"application/problem+json" in answer
    assert b"root:" not in answer


async def test_a_damaged_blob_is_cut_off_before_it_looks_complete(
    server: Served, tmp_path: Path
) -> None:
    path = tmp_path / SHA256[:2] / SHA256[2:4] / SHA256
    path.chmod(0o644)
    path.write_bytes(DATA[:-1] + b"\0")
    async with server.client.get(f"/{SHA256}") as answer:
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def test_a_small_damaged_blob_is_a_server_error(server: Served, tmp_path: Path) -> None:
    sha256 = (await server.blobs.put(b"small")).sha256
    path = tmp_path / sha256[:2] / sha256[2:4] / sha256
    path.chmod(0o644)
    path.write_bytes(b"smell")
    async with server.client.get(f"/{sha256}") as answer:
        assert answer.status == 500
        assert answer.content_type == "application/problem+json"
