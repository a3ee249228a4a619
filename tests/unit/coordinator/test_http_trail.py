"""The trail over HTTP: what an audit reads, and what strangers try with it."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import pytest
from newral_testing.http_server import Served, served

from newral_coordinator.http import Bounds
from newral_coordinator.http.sources import SourceUnavailable

IDS = [f"{number:064x}" for number in range(600)]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as running:
        yield running


async def test_there_is_no_checkpoint_before_the_first(server: Served) -> None:
    async with server.client.get("/log/checkpoint") as answer:
        assert answer.status == 404
        assert answer.content_type == "application/problem+json"


async def test_the_checkpoint_is_the_latest_event_as_it_was_signed(server: Served) -> None:
    server.trail.checkpoint_json = b'{"id": "as it is" }'
    async with server.client.get("/log/checkpoint") as answer:
        assert await answer.read() == b'{"id": "as it is" }'
        assert answer.content_type == "application/json"
        assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("000", (0, None)),
        ("007.p/12", (7, 12)),
        ("x001/x234/067", (1_234_067, None)),
        ("x001/000.p/255", (1000, 255)),
    ],
)
async def test_a_bundle_is_found_under_its_path(
    server: Served, path: str, address: tuple[int, int | None]
) -> None:
    server.trail.bundles[address] = b"\0\1x" * 100_000
    async with server.client.get(f"/log/tile/entries/{path}") as answer:
        assert await answer.read() == b"\0\1x" * 100_000
        assert answer.content_type == "application/octet-stream"
        assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    ["0", "0000", "x000/000", "000.p/0", "000.p/256", "000.p/01", "000/", "001/000", "a", "-01"],
)
async def test_a_bundle_has_only_its_own_path(server: Served, path: str) -> None:
    server.trail.bundles = {(number, width): b"x" for number in (0, 1) for width in (None, 1)}
    async with server.client.get(f"/log/tile/entries/{path}") as answer:
        assert answer.status == 404


async def test_a_bundle_beyond_the_log_is_not_found(server: Served) -> None:
    async with server.client.get("/log/tile/entries/001") as answer:
        assert answer.status == 404


async def test_known_events_come_as_lines_and_unknown_ones_are_left_out(server: Served) -> None:
    server.trail.archive = {event_id: b'{"id":"' + event_id.encode() + b'"}' for event_id in IDS}
    wanted = [*IDS[:400], "f" * 64, IDS[0]]
    async with server.client.post("/log/events", json={"ids": wanted}) as answer:
        assert answer.status == 200
        assert answer.content_type == "application/jsonl"
        lines = (await answer.read()).splitlines()
    assert [json.loads(line)["id"] for line in lines] == IDS[:400]
    assert max(len(ids) for ids in server.trail.asked) <= 50


async def test_receipts_come_in_pages_until_there_are_no_more(server: Served) -> None:
    server.trail.receipt_pages = [[b'{"id":1}', b'{"id":2}'], [b'{"id":3}']]
    async with server.client.get("/log/receipts/0") as answer:
        assert (answer.status, await answer.read()) == (200, b'{"id":1}\n{"id":2}\n')
        assert answer.content_type == "application/jsonl"
    for path in ("2", "-1", "x", "1e3", "9999999999"):
        async with server.client.get(f"/log/receipts/{path}") as answer:
            assert answer.status == 404


async def test_asking_for_nothing_gets_nothing(server: Served) -> None:
    async with server.client.post("/log/events", json={"ids": []}) as answer:
        assert (answer.status, await answer.read()) == (200, b"")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"ids": 1}',
        b'{"ids": ["x"]}',
        b'{"ids": [], "more": 1}',
        json.dumps({"ids": [IDS[10].upper()]}).encode(),
        json.dumps({"ids": IDS[:501]}).encode(),
        b"[" * 60_000,
        b'{"ids": ["\xff"]}',
    ],
    ids=lambda body: body[:16].decode(errors="replace"),
)
async def test_a_query_of_another_form_is_refused(server: Served, body: bytes) -> None:
    async with server.client.post("/log/events", data=body) as answer:
        assert answer.status == 400
        assert answer.content_type == "application/problem+json"
    assert server.trail.asked == []


@pytest.mark.parametrize("declared", [True, False])
async def test_ten_megabytes_of_json_are_refused(server: Served, declared: bool) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(160):
            yield b"[" * 65_536

    data = io.BytesIO(b"[" * 10 * 2**20) if declared else body()
    try:
        async with server.client.post("/log/events", data=data) as answer:
            assert answer.status == 413
            assert answer.content_type == "application/problem+json"
    except aiohttp.ClientConnectionError:
        # The server hung up on a client that went on sending.
        pass
    assert server.trail.asked == []


async def test_a_query_that_dawdles_is_given_up(tmp_path: Path) -> None:
    async with served(tmp_path, bounds=Bounds(linger_s=0.2, query_s=0.2)) as server:
        answer = await server.exchange(
            b"POST /log/events HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
            b'Content-Length: 50\r\n\r\n{"ids"'
        )
        assert answer.startswith(b"HTTP/1.1 408 ")


async def test_balances_come_with_the_size_of_their_log(server: Served) -> None:
    ledger = {"log_size": 17, "balances": {"issuance": -5, "requester:" + "a" * 64: 5}}
    server.trail.ledger = {"log_size": 17, "balances": {"issuance": -5, "requester:" + "a" * 64: 5}}
    async with server.client.get("/ledger/balances") as answer:
        assert await answer.json() == ledger


async def test_many_who_ask_for_balances_at_once_cost_one_query(server: Served) -> None:
    async def ask() -> int:
        async with server.client.get("/ledger/balances") as answer:
            return answer.status

    assert set(await asyncio.gather(*(ask() for _ in range(20)))) == {200}
    assert server.trail.reads == 1


async def test_queries_wait_for_their_turn_and_not_for_ever(tmp_path: Path) -> None:
    async with served(tmp_path, bounds=Bounds(queries_max=1, queue_s=0.2)) as server:
        release = asyncio.Event()
        quick = server.trail.events

        async def slow(ids: Sequence[str]) -> list[bytes]:
            await release.wait()
            return await quick(ids)

        server.trail.events = slow  # type: ignore[method-assign]
        first = asyncio.create_task(_post(server, IDS[:1]))
        await asyncio.sleep(0.05)
        assert await _post(server, IDS[:1]) == 503
        release.set()
        assert await first == 200


async def _post(server: Served, ids: list[str]) -> int:
    async with server.client.post("/log/events", json={"ids": ids}) as answer:
        return answer.status


async def test_an_answer_that_fails_half_way_does_not_look_complete(server: Served) -> None:
    quick = server.trail.events

    async def breaks(ids: Sequence[str]) -> list[bytes]:
        if len(server.trail.asked) == 2:
            raise RuntimeError("the database went away")
        return await quick(ids)

    server.trail.archive = dict.fromkeys(IDS, b"{}")
    server.trail.events = breaks  # type: ignore[method-assign]
    async with server.client.post("/log/events", json={"ids": IDS[:200]}) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def test_a_database_that_is_away_asks_to_come_again(server: Served) -> None:
    async def away(ids: Sequence[str]) -> list[bytes]:
        raise SourceUnavailable("no connection")

    server.trail.events = away  # type: ignore[method-assign]
    async with server.client.post("/log/events", json={"ids": IDS[:1]}) as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"
        assert (await answer.json())["detail"] == "the database is away"
