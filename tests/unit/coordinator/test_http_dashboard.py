"""The page for people: it shows the market, and nothing that strangers write breaks out of it."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from newral_testing.http_server import SNAPSHOT, Served, served

from newral_coordinator.http import Bounds
from newral_coordinator.http.dashboard import ROWS_MAX, render

HOSTILE = "</span><script>alert(1)</script><img src=x onerror=alert(1)>'\"{npub}{0.__class__}&lt;"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, bounds=Bounds(snapshot_age_s=0)) as running:
        yield running


class Outline(HTMLParser):
    """The tags of a document, with their attributes, and its text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


async def page(server: Served) -> Outline:
    async with server.client.get("/") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        return Outline(await answer.text())


async def test_the_page_shows_jobs_providers_log_and_relays(server: Served) -> None:
    outline = await page(server)
    for expected in (
        "carmichael limit=10^9",
        "running",
        "42.0 %",
        "42 of 100, 4 under way",
        "5.04 of 12.00",
        "newral/1.0",
        "1,042",
        "125.04",
        "5,231",
        "cd" * 32,
        "wss://relay.example",
        "npub1example",
        "newral job post",
        "1 h 1 min",
    ):
        assert expected in outline.text
    progress = [attributes for tag, attributes in outline.tags if tag == "progress"]
    assert progress == [{"max": "1", "value": "0.4200", "aria-label": "Progress"}]


async def test_an_empty_market_says_so(server: Served) -> None:
    server.market.value["jobs"] = []
    server.market.value["providers"] = []
    server.market.value["checkpoint"] = None
    server.market.value["relays"] = []
    text = (await page(server)).text
    assert "No job yet" in text
    assert "No provider has asked for work yet" in text
    assert "No checkpoint has been signed yet" in text


async def test_nothing_that_strangers_write_becomes_markup(server: Served) -> None:
    calm = await page(server)
    value = server.market.value
    value["name"] = value["npub"] = HOSTILE
    value["relays"] = [HOSTILE]
    job, provider = value["jobs"][0], value["providers"][0]
    job["title"] = job["state"] = job["id"] = job["requester"] = HOSTILE
    provider["agent"] = provider["pubkey"] = HOSTILE
    assert value["checkpoint"] is not None
    value["checkpoint"]["root"] = HOSTILE
    hostile = await page(server)
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in calm.tags]
    assert [set(attributes) for _, attributes in hostile.tags] == [
        set(attributes) for _, attributes in calm.tags
    ]
    assert HOSTILE in hostile.text


async def test_a_reason_is_shown_and_escaped(server: Served) -> None:
    server.market.value["jobs"][0]["state"] = "failed"
    server.market.value["jobs"][0]["reason"] = HOSTILE
    outline = await page(server)
    assert HOSTILE in outline.text
    assert len([tag for tag, _ in outline.tags if tag == "script"]) == 1


async def test_a_title_cannot_turn_the_text_around_it(server: Served) -> None:
    server.market.value["jobs"][0]["title"] = "a\u202ecod\u2066.exe\n\tb\x00\ud800"
    assert "acod.exe b" in (await page(server)).text


async def test_what_is_pasted_into_a_shell_is_quoted(server: Served) -> None:
    server.market.value["relays"] = ["wss://relay.example/$(reboot);x"]
    assert "--relay 'wss://relay.example/$(reboot);x'" in (await page(server)).text


async def test_the_page_runs_only_its_own_script_and_loads_nothing(server: Served) -> None:
    async with server.client.get("/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        document = await answer.text()
    for tag in ("script", "style"):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", document, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag, attributes in Outline(document).tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        for name in ("src", "href"):
            assert re.match(r"data:|/|#", attributes.get(name) or "#")


async def test_programs_get_the_snapshot_as_json(server: Served) -> None:
    async with server.client.get("/api/market") as answer:
        assert await answer.json() == SNAPSHOT
        assert answer.headers["Cache-Control"] == "no-store"


async def test_many_visitors_cost_one_snapshot(tmp_path: Path) -> None:
    async with served(tmp_path, bounds=Bounds(snapshot_age_s=3600)) as server:
        for path in ("/", "/api/market") * 5:
            async with server.client.get(path) as answer:
                assert answer.status == 200
        assert server.market.reads == 1


def test_the_page_stays_small_however_large_the_market() -> None:
    snapshot = copy.deepcopy(SNAPSHOT)
    job = snapshot["jobs"][0]
    job["title"] = "x" * 100_000
    snapshot["jobs"] = [job] * 10_000
    snapshot["providers"] *= 10_000
    document = render(snapshot)
    assert document.count('class="card job"') == ROWS_MAX
    assert "and 9,900 more" in document
    assert len(document) < 500_000


@pytest.mark.parametrize(
    ("progress", "shown"), [(-1.0, "0.0 %"), (0.9999, "99.9 %"), (1.0, "100 %"), (7.0, "100 %")]
)
def test_progress_is_shown_within_its_bounds(progress: float, shown: str) -> None:
    snapshot = copy.deepcopy(SNAPSHOT)
    snapshot["jobs"][0]["progress"] = progress
    assert shown in Outline(render(snapshot)).text
