"""Every form in which a job can be asked for is taken and answered in kind; others are refused."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from newral_testing.desk import Desk, Node, Requester, open_desk, secret, working

from newral_coordinator.permissions import ReadPermission
from newral_coordinator.policy import Policy
from newral_coordinator.reader import Reader
from newral_spec.event import sign_event
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.messages import decode_result
from newral_spec.nips import nip17, nip44


def read_messages(desk: Desk, requester: Requester) -> list[str]:
    """Private messages that the coordinator sent to the requester."""
    wraps = desk.published(Kind.GIFT_WRAP, p=requester.secret.public_key)
    return [nip17.unwrap(event, requester.secret).text for event in wraps]


async def test_a_nip90_request_with_params_is_a_job(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk, working(Node(desk, 2), Node(desk, 3)):
        event = await Requester(desk).sign(
            Kind.JOB_REQUEST_ALTERNATIVE,
            "",
            ("param", "kernel", "carmichael"),
            ("param", "bound", "10^5"),
            ("bid", "1000"),
            ("output", "application/json"),
        )
        result = await desk.result(event.id)
        assert (await desk.output(event.id))["count"] == 16
        assert result.request_event is not None
        assert msgspec.json.decode(result.request_event)["id"] == event.id


async def test_a_nip90_request_with_an_input_is_a_command(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk, working(Node(desk, 2), Node(desk, 3)):
        tag = ("i", "carmichael 10^5", "text")
        event = await Requester(desk).sign(Kind.JOB_REQUEST, "", tag)
        assert (await desk.output(event.id))["count"] == 16
        assert (await desk.result(event.id)).inputs == (tag,)


async def test_a_note_is_answered_by_a_note(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk, working(Node(desk, 2), Node(desk, 3)):
        me = desk.secret.public_key
        npub = "npub1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0jqgfzyvqbf7"
        note = await Requester(desk).sign(
            Kind.NOTE, f"nostr:{npub} carmichael 10^5 please".replace(" please", ""), ("p", me)
        )
        await desk.result(note.id)
        replies = await desk.until(lambda: desk.published(Kind.NOTE, e=note.id), "a note in reply")
        assert "count: 16" in replies[0].content


async def test_a_note_that_is_no_command_is_told_what_to_say(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        note = await Requester(desk).sign(Kind.NOTE, "hello there", ("p", desk.secret.public_key))
        replies = await desk.until(lambda: desk.published(Kind.NOTE, e=note.id), "a note in reply")
        assert "carmichael 10^" in replies[0].content


async def test_a_remark_in_a_conversation_is_not_answered(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        requester = Requester(desk)
        to = ("p", desk.secret.public_key)
        remark = await requester.sign(Kind.NOTE, "thank you", to, ("e", "ab" * 32))
        marker = await requester.post({"kernel": "nonesuch"})
        await desk.phase(marker, "refused")
        assert desk.published(Kind.NOTE, e=remark.id) == []


async def test_a_private_message_is_answered_in_private(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk, working(Node(desk, 2), Node(desk, 3)):
        requester = Requester(desk)
        wraps = [
            nip17.wrap(
                "carmichael 10^5",
                sender=requester.secret,
                recipient=desk.secret.public_key,
                ephemeral=SecretKey(os.urandom(32)),
                now=1_700_000_000,
                random_bytes=os.urandom,
            )
            for _ in range(2)
        ]
        await desk.send(*wraps)
        texts = await desk.until(
            lambda: [t for t in read_messages(desk, requester) if "count: 16" in t], "an answer"
        )
        assert len(texts) == 1
        # The same message in two wraps is one job, and nothing about it is public.
        assert await desk.rows("SELECT count(*) FROM coordinator.jobs") == [(1,)]
        assert desk.published(Kind.FEEDBACK) == desk.published(Kind.JOB_RESULT) == []


async def test_a_refused_private_message_is_replied_to(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        requester = Requester(desk)
        wrap = nip17.wrap(
            "nonesuch 3",
            sender=requester.secret,
            recipient=desk.secret.public_key,
            ephemeral=SecretKey(os.urandom(32)),
            now=1_700_000_000,
            random_bytes=os.urandom,
        )
        await desk.send(wrap)
        me = requester.secret.public_key
        (reply,) = await desk.until(
            lambda: desk.published(Kind.GIFT_WRAP, p=me), "a refusal in private"
        )
        message = nip17.unwrap(reply, requester.secret)
        assert message.text.startswith("refused (command)")
        assert message.reply_to == nip17.unwrap(wrap, desk.secret).rumor_id


async def test_an_encrypted_request_gets_an_encrypted_result(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk, working(Node(desk, 2), Node(desk, 3)):
        requester = Requester(desk)
        key = nip44.conversation_key(requester.secret, desk.secret.public_key)
        content = nip44.encrypt(
            '{"kernel": "carmichael", "params": {"bound": "10^5"}}', key, os.urandom(32)
        )
        job = await requester.post(content, ("encrypted",))
        events = await desk.until(
            lambda: desk.published(Kind.JOB_RESULT, e=job), "an encrypted result"
        )
        plaintext = nip44.decrypt(events[0].content, key)
        assert decode_result(events[0], plaintext).output == plaintext
        assert '"count":16' in plaintext
        assert {tag[0] for tag in events[0].tags} == {"e", "p", "cost", "log", "encrypted"}


def permission_of(url: str) -> str | None:
    """The permission that a blob's address carries."""
    return dict(parse_qsl(urlsplit(url).query)).get("permission")


@pytest.mark.parametrize("bound", ["10^5", "10^9"])
async def test_nothing_in_public_leads_to_what_a_private_job_found(
    postgres_dsn: str, tmp_path: Path, bound: str
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk, working(Node(desk, 2), Node(desk, 3)):
        requester = Requester(desk)
        key = nip44.conversation_key(requester.secret, desk.secret.public_key)
        content = f'{{"kernel": "carmichael", "params": {{"bound": "{bound}"}}}}'
        job = await requester.post(nip44.encrypt(content, key, os.urandom(32)), ("encrypted",))
        events = await desk.until(
            lambda: desk.published(Kind.JOB_RESULT, e=job), "an encrypted result"
        )
        result = decode_result(events[0], nip44.decrypt(events[0].content, key))
        await desk.until(lambda: desk.published(Kind.RECEIPT), "receipts")
        reader = Reader(desk.dsn)
        may_read = ReadPermission(reader, desk.secret)
        entries = await desk.rows("SELECT convert_from(raw, 'utf8') FROM ledger.log_entries")
        published = " ".join(
            [event.to_json().decode() for event in desk.outbound] + [row[0] for row in entries]
        )
        # Receipts tell the hashes of results; with them alone nobody gets anything.
        for sha256 in set(re.findall(r"[0-9a-f]{64}", published)):
            if await desk.blobs.size(sha256) is not None:
                assert not await may_read(sha256, None)
                assert not await may_read(sha256, "0" * 64)
        if not result.output:
            assert await may_read(result.blob.sha256, permission_of(result.urls[0]))
        await reader.close()


async def test_what_a_public_job_found_as_well_is_public(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk, working(Node(desk, 2), Node(desk, 3)):
        requester = Requester(desk)
        key = nip44.conversation_key(requester.secret, desk.secret.public_key)
        content = '{"kernel": "carmichael", "params": {"bound": "10^5"}}'
        await desk.output(await requester.post(content))
        private = await requester.post(nip44.encrypt(content, key, os.urandom(32)), ("encrypted",))
        await desk.phase(private, "completed")
        reader = Reader(desk.dsn)
        may_read = ReadPermission(reader, desk.secret)
        output = (await desk.rows("SELECT DISTINCT output_sha256 FROM coordinator.jobs"))[0][0]
        assert await may_read(output, None)
        await reader.close()


CARMICHAEL = {"kernel": "carmichael", "params": {"bound": "10^5"}}


def stage(name: str, **more: Any) -> dict[str, Any]:
    """A stage of a workflow."""
    return {"id": name, **CARMICHAEL, **more}


@pytest.mark.parametrize(
    ("code", "content", "tags"),
    [
        ("unknown_kernel", {"kernel": "nonesuch"}, []),
        ("unknown_kernel", {"kernel": "carmichael", "version": "99"}, []),
        ("params", {"kernel": "carmichael", "params": {"bound": "10^40"}}, []),
        ("params", {"kernel": "carmichael", "params": {"bound": -5}}, []),
        ("params", {"kernel": "carmichael", "params": {}}, []),
        ("params", {"kernel": "carmichael", "params": {"bound": "10^5", "colour": 1}}, []),
        ("params", {"kernel": "carmichael", "params": {"bound": 1.5}}, []),
        ("params", {"kernel": "bpsw", "params": {"start": "2^65", "stop": "2^64"}}, []),
        ("bad_bid", CARMICHAEL, [("bid", "-5", "credits")]),
        ("bad_bid", CARMICHAEL, [("bid", "9" * 19, "credits")]),
        ("bad_bid", CARMICHAEL, [("bid", "0", "credits")]),
        ("bad_bid", CARMICHAEL, [("bid", "much", "credits")]),
        ("bid_too_low", CARMICHAEL, [("bid", "0.000001", "credits")]),
        ("insufficient_funds", CARMICHAEL, [("bid", "999999", "credits")]),
        ("cyclic_workflow", {"workflow": [stage("a", needs=["b"]), stage("b", needs=["a"])]}, []),
        ("cyclic_workflow", {"workflow": [stage("a", needs=["a"])]}, []),
        ("missing_dependency", {"workflow": [stage("a", needs=["nowhere"])]}, []),
        ("duplicate_stage", {"workflow": [stage("a"), stage("a")]}, []),
        ("empty_workflow", {"workflow": []}, []),
        ("too_many_stages", {"workflow": [stage(f"s{i}") for i in range(33)]}, []),
        ("content", {"kernel": "carmichael", "epsilon": 2}, []),
        ("content", '{"kernel": ', []),
        ("content", {"kernel": "carmichael", "surprise": True}, []),
        ("kernel_and_workflow", {**CARMICHAEL, "workflow": [stage("a")]}, []),
        ("missing_kernel", {}, []),
        ("missing_kernel", "", []),
        ("deadline", {**CARMICHAEL, "deadline": 1000}, []),
        ("bad_p", CARMICHAEL, [("p", "nobody")]),
        ("relays", CARMICHAEL, [("relays", "http://example.org")]),
        ("encrypted", "rubbish", [("encrypted",)]),
    ],
)
async def test_a_bad_request_is_refused_with_its_reason(
    postgres_dsn: str, tmp_path: Path, code: str, content: Any, tags: list[tuple[str, ...]]
) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        requester = Requester(desk)
        text = content if isinstance(content, str) else msgspec.json.encode(content).decode()
        job = (await requester.sign(Kind.JOB_REQUEST, text, *tags)).id
        refused = await desk.phase(job, "refused")
        assert refused.code == code, refused
        assert refused.reason
        funds = ("bid_too_low", "insufficient_funds")
        assert refused.status == ("payment-required" if code in funds else "error")
        assert await desk.balances() == {}


async def test_a_requester_without_funds_is_asked_to_pay(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path, Policy(grant=0)) as desk:
        job = await Requester(desk).post(CARMICHAEL)
        assert (await desk.phase(job, "refused")).status == "payment-required"


async def test_the_grant_is_given_once(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk, working(Node(desk, 2), Node(desk, 3)):
        requester = Requester(desk)
        for _ in range(2):
            await desk.result(await requester.post(CARMICHAEL))
        issued = -(await desk.balances())["issuance"].posted
        assert issued == desk.policy.grant


async def test_an_event_seen_twice_has_one_effect(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_desk(postgres_dsn, tmp_path) as desk:
        event = sign_event(
            secret(100),
            kind=Kind.JOB_REQUEST,
            content=msgspec.json.encode(CARMICHAEL).decode(),
            created_at=int(desk.clock()),
        )
        for _ in range(5):
            await desk.send(event)
        # A log that is not in the archive's database may deliver it again: the inbox knows it.
        from newral_relay_bridge.event_log import Entry

        await desk.log.append("inbound", [Entry(key="x", value=event.to_json())])
        await desk.phase(event.id, "accepted")
        marker = await Requester(desk, 101).post({"kernel": "nonesuch"})
        await desk.phase(marker, "refused")
        assert await desk.rows("SELECT count(*) FROM coordinator.jobs") == [(1,)]
