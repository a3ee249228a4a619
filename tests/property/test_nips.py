"""Whatever arrives, a decoder raises its own error and nothing else; what we write, we read."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newral_spec.event import Event, sign_event
from newral_spec.keys import SecretKey
from newral_spec.nips import (
    authorization_header,
    base64_strict,
    bech32,
    blossom,
    nip04,
    nip13,
    nip17,
    nip19,
    nip44,
    nip49,
    nip98,
)

ONE = SecretKey(b"\x21" * 32)
TWO = SecretKey(b"\x22" * 32)
KEY = nip44.conversation_key(ONE, TWO.public_key)

any_text = st.text(st.characters())  # lone surrogates included
utf8_text = st.text(st.characters(exclude_categories=("Cs",)))
base64_text = st.binary().map(base64_strict.encode)
hexadecimal = st.text(string.hexdigits, min_size=64, max_size=64)


@given(st.binary(max_size=200), st.sampled_from(["npub", "nprofile", "a"]))
def test_bech32_round_trip(data: bytes, prefix: str) -> None:
    assert bech32.decode(bech32.encode(prefix, data), 400) == (prefix, data)


@given(st.binary(min_size=32, max_size=32), st.data())
def test_bech32_notices_any_one_wrong_character(data: bytes, draw: st.DataObject) -> None:
    text = bech32.encode("npub", data)
    position = draw.draw(st.integers(5, len(text) - 1))
    wrong = draw.draw(
        st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l").filter(lambda c: c != text[position])
    )
    with pytest.raises(bech32.InvalidBech32, match="checksum"):
        bech32.decode(text[:position] + wrong + text[position + 1 :], 90)


@given(any_text | base64_text.map(lambda text: f"npub1{text}"))
def test_garbage_is_no_bech32(text: str) -> None:
    with pytest.raises(bech32.InvalidBech32):
        bech32.decode(text, 90)


@given(
    any_text
    | hexadecimal
    | st.builds(bech32.encode, st.sampled_from(["npub", "nprofile", "nsec", "note"]), st.binary())
)
def test_nip19_raises_only_its_own_error(text: str) -> None:
    for decode in (
        nip19.parse_public_key,
        nip19.decode_npub,
        nip19.decode_note,
        nip19.decode_nsec,
        nip19.decode_nprofile,
        nip19.encode_npub,
        nip19.encode_note,
    ):
        try:
            decode(text)
        except nip19.Nip19Error:
            continue


@given(utf8_text.filter(bool), st.binary(min_size=32, max_size=32))
def test_nip44_round_trip(text: str, nonce: bytes) -> None:
    assert nip44.decrypt(nip44.encrypt(text, KEY, nonce), KEY) == text


@given(st.integers(1, 65535))
def test_nip44_padding_hides_the_length_and_costs_at_most_a_quarter(length: int) -> None:
    padded = nip44.padded_length(length)
    assert padded % 32 == 0
    assert length <= padded <= max(length + 31, length * 5 / 4)


@given(any_text | base64_text | st.binary(min_size=98, max_size=400).map(base64_strict.encode))
def test_garbage_is_no_nip44_payload(payload: str) -> None:
    with pytest.raises(nip44.Nip44Error):
        nip44.decrypt(payload, KEY)


def padded(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data.ljust(nip44.padded_length(len(data)), b"\0")


@given(st.binary(min_size=34, max_size=300) | st.binary(min_size=1, max_size=300).map(padded))
def test_an_authentic_nip44_payload_of_garbage_raises_only_its_own_error(content: bytes) -> None:
    derived = nip44.message_keys(KEY, bytes(32))
    ciphertext = nip44._chacha20(derived, content)
    mac = nip44._mac(derived, bytes(32), ciphertext)
    try:
        nip44.decrypt(base64_strict.encode(b"\x02" + bytes(32) + ciphertext + mac), KEY)
    except nip44.Nip44Error:
        return


@given(any_text, hexadecimal | any_text)
def test_nip44_encrypting_raises_only_its_own_error(text: str, public_key: str) -> None:
    try:
        nip44.encrypt(text, nip44.conversation_key(ONE, public_key), bytes(32))
    except nip44.Nip44Error:
        return


@given(
    any_text
    | st.builds(
        lambda blocks, iv: f"{base64_strict.encode(blocks * 16)}?iv={base64_strict.encode(iv)}",
        st.binary(min_size=1, max_size=8),
        st.binary(min_size=15, max_size=16),
    ),
    hexadecimal | st.just(TWO.public_key),
)
def test_nip04_raises_only_its_own_error(content: str, public_key: str) -> None:
    try:
        nip04.decrypt(content, ONE, public_key)
    except nip04.Nip04Error:
        return


cheap_blob = st.binary(min_size=89, max_size=89).map(lambda rest: b"\x02\x02" + rest)


@given(
    any_text | st.builds(bech32.encode, st.just("ncryptsec"), st.binary() | cheap_blob), any_text
)
def test_garbage_is_no_encrypted_key(text: str, password: str) -> None:
    with pytest.raises(nip49.Nip49Error):
        nip49.decrypt(text, password)


@given(st.binary(min_size=32, max_size=32), utf8_text, st.sampled_from(nip49.KeySecurity))
def test_nip49_round_trip(secret: bytes, password: str, security: nip49.KeySecurity) -> None:
    text = nip49.encrypt(
        secret, password, salt=bytes(16), nonce=bytes(24), log_n=1, security=security
    )
    assert nip49.decrypt(text, password) == secret


@given(utf8_text, st.integers(0, 2**40), st.integers(), st.none() | st.just("cd" * 32))
def test_nip17_round_trip(text: str, now: int, seed: int, reply_to: str | None) -> None:
    wrapped = nip17.wrap(
        text,
        sender=ONE,
        recipient=TWO.public_key,
        ephemeral=SecretKey(b"\x23" * 32),
        now=now + nip17.DATE_SPREAD_S,
        random_bytes=random.Random(seed).randbytes,
        reply_to=reply_to,
    )
    message = nip17.unwrap(wrapped, TWO)
    assert (message.sender, message.text, message.reply_to) == (ONE.public_key, text, reply_to)


@given(utf8_text.filter(bool) | st.just("[" * 20_000) | st.just('"\\ud800"'), st.booleans())
def test_a_gift_wrap_of_garbage_raises_only_its_own_error(text: str, in_seal: bool) -> None:
    content = nip44.encrypt(text, KEY, bytes(32))
    if in_seal:
        seal = sign_event(ONE, kind=13, created_at=1, content=content)
        content = nip44.encrypt(seal.to_json().decode(), KEY, bytes(32))
    wrapped = sign_event(ONE, kind=1059, created_at=1, content=content)
    with pytest.raises(nip17.Nip17Error):
        nip17.unwrap(wrapped, TWO)


@given(any_text | hexadecimal)
def test_nip13_difficulty_raises_only_its_own_error(text: str) -> None:
    try:
        assert 0 <= nip13.difficulty(text) <= 256
    except nip13.Nip13Error:
        return


@given(st.lists(st.lists(any_text | st.just("nonce")).map(tuple)).map(tuple))
def test_nip13_any_tags_have_a_target_or_none(tags: tuple[tuple[str, ...], ...]) -> None:
    target = nip13.committed_target(tags)
    assert target is None or 0 <= target <= 256


events = st.builds(
    lambda kind, tags, at: sign_event(ONE, kind=kind, tags=tags, created_at=at),
    st.sampled_from([24242, 27235]),
    st.lists(
        st.tuples(st.sampled_from(["t", "x", "u", "method", "payload", "expiration"]), utf8_text)
    ),
    st.integers(0, 2**50),
)


def mangled(event: Event) -> str:
    return authorization_header.encode(event)[:-3]


@given(
    any_text
    | base64_text.map(lambda text: f"Nostr {text}")
    | events.map(mangled)
    | events.map(authorization_header.encode)
)
def test_garbage_authorises_nothing(header: str) -> None:
    with pytest.raises(nip98.Nip98Error):
        nip98.verify(header, "https://example.org", "GET", None, 1000)
    with pytest.raises(blossom.BlossomError):
        blossom.verify(header, "get", "ab" * 32, 1000)
