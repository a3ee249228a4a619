"""The server itself: errors, headers, connections that mean no good."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from newral_testing.http_server import Served, served

from newral_coordinator.http import Bounds


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as running:
        yield running


async def test_it_listens_on_loopback_and_a_free_port_by_default(server: Served) -> None:
    address = urlsplit(server.url)
    assert address.hostname == "127.0.0.1"
    assert address.port


@pytest.mark.parametrize("path", ["/nowhere", "/log", "/upload/x", "//", "/api/market/"])
async def test_an_unknown_path_is_a_problem(server: Served, path: str) -> None:
    async with server.client.get(server.url + path) as answer:
        assert answer.status == 404
        assert await answer.json(content_type="application/problem+json") == {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "nothing is served under this path",
        }


async def test_a_method_that_is_not_served_is_a_problem_that_names_the_others(
    server: Served,
) -> None:
    async with server.client.delete("/") as answer:
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]
        assert answer.content_type == "application/problem+json"


async def test_a_failure_says_nothing_about_its_cause(server: Served) -> None:
    async def fails() -> bytes | None:
        raise RuntimeError("password=secret")

    server.trail.checkpoint = fails  # type: ignore[method-assign]
    async with server.client.get("/log/checkpoint") as answer:
        assert answer.status == 500
        assert b"secret" not in await answer.read()
        assert "secret" not in str(answer.headers)


async def test_a_lost_connection_of_the_server_s_own_is_not_blamed_on_the_client(
    server: Served,
) -> None:
    async def fails() -> bytes | None:
        raise ConnectionRefusedError("the database is not there")

    server.trail.checkpoint = fails  # type: ignore[method-assign]
    async with server.client.get("/log/checkpoint") as answer:
        assert answer.status == 500


@pytest.mark.parametrize("path", ["/", "/api/market", "/nowhere", "/log/checkpoint"])
async def test_every_answer_may_be_read_by_any_page_and_sniffed_by_none(
    server: Served, path: str
) -> None:
    async with server.client.get(path) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_browser_may_ask_before_it_uploads(server: Served) -> None:
    async with server.client.options("/upload") as answer:
        assert answer.status == 204
        assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: here\r\nX-Big: " + b"a" * 1_000_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: here\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(5000)) + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["header", "path", "headers", "TLS", "lengths", "smuggling"],
)
async def test_a_request_that_is_too_large_or_no_http_is_refused(
    server: Served, request_bytes: bytes
) -> None:
    try:
        answer = await server.exchange(request_bytes)
    except ConnectionError:
        answer = b""  # it hung up while the rest was being sent
    assert answer == b"" or b" 400 " in answer.splitlines()[0]
    async with server.client.get("/api/market") as after:
        assert after.status == 200


@pytest.mark.parametrize("host", ["", "a b", "<script>", "[::1", "x" * 5000, "\x7f", "a:b:c:-1"])
async def test_a_strange_host_header_breaks_nothing(server: Served, host: str) -> None:
    data = b"data"
    sha256 = hashlib.sha256(data).hexdigest()
    await server.blobs.put(data)
    answer = await server.exchange(
        f"GET /{sha256} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.split(b" ")[1] in (b"200", b"400")


async def test_headers_that_dawdle_are_given_up(tmp_path: Path) -> None:
    async with served(tmp_path, bounds=Bounds(idle_s=0.3)) as server:
        async with asyncio.timeout(10):
            assert await server.exchange(b"GET / HTTP/1.1\r\nHost: he") == b""


async def test_more_connections_than_allowed_are_turned_away(tmp_path: Path) -> None:
    async with served(tmp_path, bounds=Bounds(connections_max=3)) as server:
        address = urlsplit(server.url)
        idle = [await asyncio.open_connection(address.hostname, address.port) for _ in range(3)]
        await asyncio.sleep(0.05)
        refused = await server.exchange(b"")
        assert refused.startswith(b"HTTP/1.1 503 ")
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(0.05)
        async with server.client.get("/api/market") as answer:
            assert answer.status == 200


async def test_a_client_that_does_not_read_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = bytes(32 * 2**20)
    async with served(tmp_path, bounds=Bounds(send_s=0.3)) as server:
        sha256 = (await server.blobs.put(data)).sha256
        address = urlsplit(server.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(f"GET /{sha256} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        await asyncio.sleep(1.5)
        received = 0
        try:
            while chunk := await reader.read(2**20):
                received += len(chunk)
        except ConnectionError:
            pass
        writer.close()
        assert received < len(data)
    assert caplog.records == []


async def test_a_client_that_leaves_half_way_is_no_error(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    sha256 = (await server.blobs.put(bytes(32 * 2**20))).sha256
    answer = await server.client.get(f"/{sha256}")
    await answer.content.readexactly(1000)
    answer.close()
    async with server.client.get("/api/market") as after:
        assert after.status == 200
    await asyncio.sleep(0.1)
    assert caplog.records == []


async def test_a_taken_port_is_reported(server: Served, tmp_path: Path) -> None:
    from newral_coordinator.http import serve

    port = urlsplit(server.url).port
    assert port is not None
    with pytest.raises(OSError, match="address already in use"):
        async with serve(aiohttp.web.Application(), port=port):
            pass
