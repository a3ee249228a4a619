import nostr_sdk
import pytest

from newral_spec.keys import SecretKey
from newral_spec.nips import nip04
from newral_spec.nips.nip04 import Nip04Error

SENDER = SecretKey.from_hex("91ba716fa9e7ea2fcbad360cf4f8e0d312f73984da63d90f524ad61a6a1e7dbe")
RECIPIENT = SecretKey.from_hex("96f6fa197aa07477ab88f6981118466ae3a982faab8ad5db9d5426870c73d220")
# What nostr-tools publishes in its own tests for these two keys.
PUBLISHED = "zJxfaJ32rN5Dg1ODjOlEew==?iv=EV5bUjcc4OX2Km/zPp4ndQ=="


def written_by_nostr_sdk(text: str) -> str:
    return nostr_sdk.nip04_encrypt(
        nostr_sdk.SecretKey.from_bytes(SENDER.to_bytes()),
        nostr_sdk.PublicKey.parse(RECIPIENT.public_key),
        text,
    )


def test_a_published_message_is_read() -> None:
    assert nip04.decrypt(PUBLISHED, RECIPIENT, SENDER.public_key) == "nanana"


@pytest.mark.parametrize("text", ["", "a", "x" * 15, "x" * 16, "naïve ∑ 🦄", "y" * 20_000])
def test_what_nostr_sdk_writes_is_read_by_both_ends(text: str) -> None:
    content = written_by_nostr_sdk(text)
    assert nip04.decrypt(content, RECIPIENT, SENDER.public_key) == text
    assert nip04.decrypt(content, SENDER, RECIPIENT.public_key) == text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("zJxfaJ32rN5Dg1ODjOlEew==", "form"),
        ("zJxfaJ32rN5Dg1ODjOlEew?iv=EV5bUjcc4OX2Km/zPp4ndQ==", "canonical"),
        ("zJxfaJ32rN5Dg1ODjOlEew==?iv=EV5bUjcc4OX2Km/zPp4n", "16 bytes, not 15"),
        ("?iv=EV5bUjcc4OX2Km/zPp4ndQ==", "blocks"),
        ("AAAA?iv=EV5bUjcc4OX2Km/zPp4ndQ==", "blocks"),
        ("A" * 70_000, "at most"),
        ("é?iv=é", "canonical"),
    ],
)
def test_malformed_content_is_refused_with_its_reason(content: str, reason: str) -> None:
    with pytest.raises(Nip04Error, match=reason):
        nip04.decrypt(content, RECIPIENT, SENDER.public_key)


def test_a_stranger_cannot_read_it() -> None:
    stranger = SecretKey(b"\x07" * 32)
    with pytest.raises(Nip04Error, match="cannot be decrypted"):
        nip04.decrypt(PUBLISHED, stranger, SENDER.public_key)


def test_a_public_key_off_the_curve_is_refused() -> None:
    with pytest.raises(Nip04Error, match="not a point"):
        nip04.decrypt(PUBLISHED, RECIPIENT, "f" * 64)
