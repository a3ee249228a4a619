import json
import random
from pathlib import Path
from typing import Any

import msgspec
import nostr_sdk
import pytest

from newral_spec.event import Event, event_id, parse_event, sign_event, verify_event
from newral_spec.keys import SecretKey
from newral_spec.nips import nip17, nip19, nip44
from newral_spec.nips.nip17 import Nip17Error

SENDER = SecretKey(b"\x11" * 32)
RECIPIENT = SecretKey(b"\x12" * 32)
EPHEMERAL = SecretKey(b"\x13" * 32)
STRANGER = SecretKey(b"\x14" * 32)
NOW = 1_700_000_000
PARENT = "ab" * 32


def wrap(text: str, reply_to: str | None = None, recipient: str = RECIPIENT.public_key) -> Event:
    return nip17.wrap(
        text,
        sender=SENDER,
        recipient=recipient,
        ephemeral=EPHEMERAL,
        now=NOW,
        random_bytes=random.Random(7).randbytes,
        reply_to=reply_to,
    )


def encrypted(document: str, author: SecretKey) -> str:
    key = nip44.conversation_key(author, RECIPIENT.public_key)
    return nip44.encrypt(document, key, bytes(32))


def wrapped_by_hand(rumor: dict[str, Any], seal_kind: int = 13, wrap_kind: int = 1059) -> Event:
    """`rumor` as it is, correctly sealed by the sender and wrapped."""
    seal = sign_event(
        SENDER, kind=seal_kind, created_at=NOW, content=encrypted(json.dumps(rumor), SENDER)
    )
    content = encrypted(seal.to_json().decode(), EPHEMERAL)
    return sign_event(EPHEMERAL, kind=wrap_kind, created_at=NOW, content=content)


def rumor(**changes: Any) -> dict[str, Any]:
    return {
        "pubkey": SENDER.public_key,
        "created_at": NOW,
        "kind": 14,
        "tags": [],
        "content": "hello",
    } | changes


def test_the_example_of_nip_17() -> None:
    path = Path(__file__).parent / "vectors" / "nip17.json"
    example = json.loads(path.read_text(encoding="utf-8"))
    wrapped = parse_event(json.dumps(example["event"]))
    message = nip17.unwrap(wrapped, nip19.decode_nsec(example["receiver_nsec"]))
    assert message.sender == nip19.decode_nsec(example["sender_nsec"]).public_key
    assert message.text == example["text"]


def test_a_message_arrives_with_its_proved_sender() -> None:
    message = nip17.unwrap(wrap("carmichael 10^9", reply_to=PARENT), RECIPIENT)
    assert message.sender == SENDER.public_key
    assert message.text == "carmichael 10^9"
    assert message.created_at == NOW
    assert message.reply_to == PARENT
    tags = [("p", RECIPIENT.public_key), ("e", PARENT)]
    expected = event_id(SENDER.public_key, NOW, 14, tags, "carmichael 10^9")
    assert message.rumor_id == expected.hex()


def test_the_wrap_shows_neither_sender_nor_time() -> None:
    wrapped = wrap("secret")
    verify_event(wrapped)
    assert wrapped.pubkey == EPHEMERAL.public_key
    assert wrapped.tags == (("p", RECIPIENT.public_key),)
    assert NOW - nip17.DATE_SPREAD_S < wrapped.created_at <= NOW
    assert wrapped.created_at != NOW
    assert SENDER.public_key not in wrapped.to_json().decode()


def test_nobody_else_can_open_it() -> None:
    with pytest.raises(Nip17Error, match="MAC"):
        nip17.unwrap(wrap("secret"), STRANGER)


def test_an_impersonated_author_is_refused() -> None:
    with pytest.raises(Nip17Error, match="another author"):
        nip17.unwrap(wrapped_by_hand(rumor(pubkey=STRANGER.public_key)), RECIPIENT)


def test_a_seal_with_a_forged_signature_is_refused() -> None:
    content = encrypted(json.dumps(rumor()), SENDER)
    digest = event_id(SENDER.public_key, NOW, 13, (), content)
    forged = Event(
        id=digest.hex(),
        pubkey=SENDER.public_key,
        created_at=NOW,
        kind=13,
        tags=(),
        content=content,
        sig=STRANGER.sign(digest),
    )
    wrapped = sign_event(
        EPHEMERAL,
        kind=1059,
        created_at=NOW,
        content=encrypted(forged.to_json().decode(), EPHEMERAL),
    )
    with pytest.raises(Nip17Error, match="signature"):
        nip17.unwrap(wrapped, RECIPIENT)


def test_a_wrap_with_a_forged_signature_is_refused() -> None:
    forged = msgspec.structs.replace(wrap("hello"), sig="0" * 128)
    with pytest.raises(Nip17Error, match="signature"):
        nip17.unwrap(forged, RECIPIENT)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": 1}, "kind 14"),
        ({"kind": 15}, "kind 14"),
        ({"id": "ab" * 32}, "its hash"),
        ({"created_at": -1}, "created_at"),
        ({"created_at": "now"}, "seal cannot be opened"),
        ({"content": None}, "seal cannot be opened"),
        ({"tags": [[1]]}, "seal cannot be opened"),
    ],
)
def test_a_malformed_message_is_refused_with_its_reason(
    changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Nip17Error, match=reason):
        nip17.unwrap(wrapped_by_hand(rumor(**changes)), RECIPIENT)


def test_a_message_without_its_own_id_gets_the_right_one() -> None:
    message = nip17.unwrap(wrapped_by_hand(rumor(tags=[["e", "not an id"], []])), RECIPIENT)
    tags = [("e", "not an id"), ()]
    assert message.rumor_id == event_id(SENDER.public_key, NOW, 14, tags, "hello").hex()
    assert message.reply_to is None


def test_wrap_and_seal_of_another_kind_are_refused() -> None:
    with pytest.raises(Nip17Error, match="seal has kind 13"):
        nip17.unwrap(wrapped_by_hand(rumor(), seal_kind=14), RECIPIENT)
    with pytest.raises(Nip17Error, match="gift wrap has kind 1059"):
        nip17.unwrap(wrapped_by_hand(rumor(), wrap_kind=1060), RECIPIENT)


def test_the_longest_message_fits_an_event_and_one_byte_more_is_refused() -> None:
    tags = [["p", RECIPIENT.public_key]]
    bare = {"id": "0" * 64, **rumor(tags=tags, content="")}
    room = nip17.RUMOR_BYTES_MAX - len(json.dumps(bare, separators=(",", ":")))
    assert nip17.unwrap(wrap("x" * room), RECIPIENT).text == "x" * room
    with pytest.raises(Nip17Error, match="at most 28672 bytes, not 28673"):
        wrap("x" * (room + 1))


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(Nip17Error, match="surrogate"):
        wrap("\ud800")
    with pytest.raises(Nip17Error, match="not a point"):
        wrap("hello", recipient="f" * 64)
    with pytest.raises(Nip17Error, match="rumor id"):
        wrap("hello", reply_to="note1")


def test_nostr_sdk_opens_what_we_wrap() -> None:
    wrapped = nostr_sdk.Event.from_json(wrap("naïve ∑ 🦄").to_json().decode())
    signer = nostr_sdk.Keys.parse("12" * 32)
    gift = nostr_sdk.UnwrappedGift.from_gift_wrap(signer, wrapped)
    assert gift.sender().to_hex() == SENDER.public_key
    assert gift.rumor().content() == "naïve ∑ 🦄"


def test_we_open_what_nostr_sdk_wraps() -> None:
    signer = nostr_sdk.Keys.parse("11" * 32)
    receiver = nostr_sdk.PublicKey.parse(RECIPIENT.public_key)
    wrapped = nostr_sdk.nip17_make_private_msg(signer, receiver, "naïve ∑ 🦄")
    message = nip17.unwrap(parse_event(wrapped.as_json()), RECIPIENT)
    assert message.sender == SENDER.public_key
    assert message.text == "naïve ∑ 🦄"
