"""The local page: for this machine's owner, and safe with what strangers wrote."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import msgspec
import pytest

from newral_node import page
from newral_node.page_html import credits_text
from newral_node.queue import StoredVerdict
from newral_node.states import LeaseState
from newral_node.status import NodeStatus, RelayStatus, UnitStatus

HOSTILE = "<script>alert(1)</script>\"'&"

STATUS = NodeStatus(
    pubkey="0a" * 32,
    coordinator="0b" * 32,
    state="computing",
    why="",
    cores=2,
    buffer=1,
    memory_bytes=2**30,
    units=(
        UnitStatus(
            lease="0c" * 32,
            job="0d" * 32,
            kernel=HOSTILE,
            state=LeaseState.STARTED,
            progress=0.25,
            cost_s=3.0,
            deadline=1_800_000_000,
        ),
    ),
    relays=(RelayStatus(url="ws://127.0.0.1:1", connected=False, error=HOSTILE),),
    accepted=12,
    rejected=0,
    refused=1,
    credits=1_234_567_890,
    verdicts=(StoredVerdict("0e" * 32, "accepted", HOSTILE, 1_500_000, 1_800_000_000),),
    started_at=1_800_000_000,
    page=None,
    pid=1,
)


@dataclass
class StandIn:
    """A node of which only the page is under test."""

    shown: NodeStatus = STATUS
    asked: list[str] = field(default_factory=list)

    async def status(self) -> NodeStatus:
        return self.shown

    async def pause(self, reason: str) -> None:
        self.asked.append(f"pause: {reason}")

    async def resume(self) -> None:
        self.asked.append("resume")


@pytest.fixture
def node() -> StandIn:
    return StandIn()


@pytest.fixture
async def url(node: StandIn) -> AsyncIterator[str]:
    async with page.serve(node, "127.0.0.1", 0) as address:
        yield address


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def text_of(http: aiohttp.ClientSession, url: str) -> str:
    async with http.get(url) as response:
        assert response.status == 200
        return await response.text()


async def test_the_page_shows_what_the_node_does_and_has_earned(
    http: aiohttp.ClientSession, url: str
) -> None:
    text = await text_of(http, url)
    for shown in ("Computing", "1 of 2 cores", "1,234.567", "25%", "accepted"):
        assert shown in text


async def test_a_paused_node_says_why_and_offers_to_resume(
    http: aiohttp.ClientSession, url: str, node: StandIn
) -> None:
    node.shown = msgspec.structs.replace(STATUS, state="paused", why="on battery")
    text = await text_of(http, url)
    assert "on battery" in text
    assert 'data-action="resume"' in text


async def test_what_strangers_wrote_is_text_not_markup(
    http: aiohttp.ClientSession, url: str
) -> None:
    text = await text_of(http, url)
    assert HOSTILE not in text
    assert text.count("&lt;script&gt;alert(1)") == 3


async def test_the_page_runs_no_script_but_its_own(http: aiohttp.ClientSession, url: str) -> None:
    async with http.get(url) as response:
        policy = response.headers["Content-Security-Policy"]
        text = await response.text()
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce is not None
    assert f'<script nonce="{nonce[1]}">' in text
    assert "default-src 'none'" in policy


async def test_a_web_site_that_points_its_name_here_gets_nothing(
    http: aiohttp.ClientSession, url: str
) -> None:
    port = url.rstrip("/").rpartition(":")[2]
    for host in (f"evil.example:{port}", "127.0.0.1", "evil.example"):
        for path in ("", "api/status"):
            async with http.get(url + path, headers={"Host": host}) as response:
                assert response.status == 403


async def test_actions_need_the_pages_own_token(
    http: aiohttp.ClientSession, url: str, node: StandIn
) -> None:
    for headers in ({}, {page.TOKEN_HEADER: "guess"}):
        async with http.post(url + "api/pause", headers=headers) as response:
            assert response.status == 403
    assert node.asked == []
    token = re.search(r'name="csrf-token" content="([^"]+)"', await text_of(http, url))
    assert token is not None
    for action in ("pause", "resume"):
        headers = {page.TOKEN_HEADER: token[1]}
        async with http.post(url + f"api/{action}", headers=headers) as response:
            assert response.status == 204
    assert node.asked == ["pause: paused from the local page", "resume"]


async def test_the_status_is_there_for_programs_too(http: aiohttp.ClientSession, url: str) -> None:
    async with http.get(url + "api/status") as response:
        assert msgspec.json.decode(await response.read(), type=NodeStatus) == STATUS


def test_credits_are_exact() -> None:
    assert credits_text(0) == "0.000"
    assert credits_text(999_999) == "0.999"
    assert credits_text(1_234_567_890) == "1,234.567"
