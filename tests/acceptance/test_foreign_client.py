"""The example for users: a client of nostr-tools alone is served, and is not deceived."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from newral_testing.javascript import NODE
from newral_testing.markets import UpMarket
from newral_testing.raw_client import RawClient
from newral_testing.relays import EXAMPLE_SOURCE, embedded_relay, foreign_packages
from newral_testing.scripted_coordinator import ScriptedCoordinator

from newral_spec.canonical import canonical_json, sha256_hex
from newral_spec.event import Draft, parse_event
from newral_spec.kinds import Kind
from newral_spec.nips.nip19 import encode_npub

CARMICHAEL_BELOW_10_TO_9 = 646


def command(relay: str, coordinator: str, *arguments: str, timeout_s: int = 90) -> list[str]:
    """The example's command line."""
    script = foreign_packages(EXAMPLE_SOURCE) / "post-job.mjs"
    options = [f"--relay={relay}", f"--coordinator={coordinator}", f"--timeout={timeout_s}"]
    return [NODE, str(script), *options, *arguments]


def post(market: UpMarket, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = command(market.ready["relay"], market.coordinator, *arguments)
    return subprocess.run(words, capture_output=True, text=True, check=False)


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    raw = canonical_json(told["output"])
    assert sha256_hex(raw) == told["sha256"]
    return told


@pytest.mark.parametrize(
    "words",
    [
        ["--form=native", "--bid=5", "carmichael", "bound=10^9"],
        ["--form=nip90", "--bid=5", "carmichael", "bound=10^9"],
        ["--form=nip90", "carmichael", "10^9"],
        ["--form=note", "carmichael", "10^9"],
        ["--form=dm", "carmichael", "10^9"],
    ],
    ids=["native", "nip90-params", "nip90-input", "note", "dm"],
)
def test_a_job_in_every_form_is_answered(market: UpMarket, words: list[str]) -> None:
    told = answer(post(market, *words))
    assert told["output"]["count"] == CARMICHAEL_BELOW_10_TO_9
    assert told["phases"][0] == "accepted"
    if "text" in told:
        assert f"count: {CARMICHAEL_BELOW_10_TO_9}" in told["text"]
    # Another client's view of the same job, whoever asked for it.
    if told["form"] != "dm":
        assert market.output(told["job"]) == told["output"]


async def test_nothing_about_a_private_message_is_public(market: UpMarket) -> None:
    job = answer(post(market, "--form=dm", "carmichael", "10^6"))["job"]
    async with RawClient(market.ready["relay"]) as client:
        assert await client.fetch({"ids": [job]}, {"#e": [job]}) == []


@pytest.mark.parametrize("form", ["native", "nip90", "note", "dm"])
def test_a_refusal_reaches_the_client(market: UpMarket, form: str) -> None:
    refused = post(market, f"--form={form}", "carmichael", "bound=10^40")
    assert refused.returncode == 3, refused.stderr
    assert "bound" in refused.stderr


async def test_the_client_believes_no_stranger_and_no_wrong_output(tmp_path: Path) -> None:
    with embedded_relay(tmp_path / "relay.sqlite") as relay:
        async with (
            RawClient(relay.url) as reader,
            ScriptedCoordinator([relay.url]) as coordinator,
            ScriptedCoordinator([relay.url]) as stranger,
        ):
            await reader.send("REQ", "jobs", {"kinds": [Kind.JOB_REQUEST]})
            npub = encode_npub(coordinator.public_key)
            client = await asyncio.create_subprocess_exec(
                *command(relay.url, npub, "carmichael", "bound=10^9"),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            _, _, request = await reader.receive("EVENT")
            job = parse_event(json.dumps(request).encode())
            await stranger.say(job, "failed")
            await stranger.answer(job, {"count": 1})
            named = sha256_hex(canonical_json({"count": 2}))
            tags = (("e", job.id), ("p", job.pubkey), ("x", named))
            wrong = canonical_json({"count": 3}).decode()
            await coordinator.publish(Draft(kind=Kind.JOB_RESULT, tags=tags, content=wrong))
            output, errors = await client.communicate()
    assert client.returncode == 1
    assert output == b""
    assert b"hash" in errors
