import hashlib
import json
from pathlib import Path
from typing import Any

import nostr_sdk
import pytest

from newral_spec.keys import InvalidKey, SecretKey
from newral_spec.nips import base64_strict, nip44
from newral_spec.nips.nip44 import Nip44Error

VECTORS: dict[str, list[Any]] = json.loads(
    (Path(__file__).parent / "vectors" / "nip44.json").read_text(encoding="utf-8")
)
KEY = bytes(range(32))
NONCE = bytes(range(32, 64))


def from_hex(vector: dict[str, str], *names: str) -> list[bytes]:
    return [bytes.fromhex(vector[name]) for name in names]


@pytest.mark.parametrize("vector", VECTORS["conversation_key"])
def test_official_conversation_keys(vector: dict[str, str]) -> None:
    secret = SecretKey.from_hex(vector["secret_1"])
    key = nip44.conversation_key(secret, vector["public_2"])
    assert key.hex() == vector["conversation_key"]


@pytest.mark.parametrize("vector", VECTORS["invalid_conversation_key"])
def test_official_invalid_keys_are_refused(vector: dict[str, str]) -> None:
    with pytest.raises((InvalidKey, Nip44Error)):
        nip44.conversation_key(SecretKey.from_hex(vector["secret_1"]), vector["public_2"])


@pytest.mark.parametrize("vector", VECTORS["message_keys"])
def test_official_message_keys(vector: dict[str, str]) -> None:
    derived = nip44.message_keys(*from_hex(vector, "conversation_key", "nonce"))
    assert list(derived) == from_hex(vector, "chacha_key", "chacha_nonce", "hmac_key")


@pytest.mark.parametrize(("length", "padded"), VECTORS["padded_length"])
def test_official_padding(length: int, padded: int) -> None:
    assert nip44.padded_length(length) == padded


@pytest.mark.parametrize("vector", VECTORS["encrypt"])
def test_official_payloads_both_ways(vector: dict[str, str]) -> None:
    key, nonce = from_hex(vector, "conversation_key", "nonce")
    one, two = (SecretKey.from_hex(vector[name]) for name in ("secret_1", "secret_2"))
    assert nip44.conversation_key(one, two.public_key) == key
    assert nip44.conversation_key(two, one.public_key) == key
    assert nip44.encrypt(vector["plaintext"], key, nonce) == vector["payload"]
    assert nip44.decrypt(vector["payload"], key) == vector["plaintext"]


@pytest.mark.parametrize("vector", VECTORS["encrypt_long"])
def test_official_long_payloads(vector: dict[str, Any]) -> None:
    plaintext = vector["pattern"] * vector["repeat"]
    key, nonce = from_hex(vector, "conversation_key", "nonce")
    payload = nip44.encrypt(plaintext, key, nonce)
    assert hashlib.sha256(plaintext.encode()).hexdigest() == vector["plaintext_sha256"]
    assert hashlib.sha256(payload.encode()).hexdigest() == vector["payload_sha256"]
    assert nip44.decrypt(payload, key) == plaintext


@pytest.mark.parametrize("vector", VECTORS["invalid_payload"])
def test_official_invalid_payloads_are_refused(vector: dict[str, str]) -> None:
    with pytest.raises(Nip44Error):
        nip44.decrypt(vector["payload"], bytes.fromhex(vector["conversation_key"]))


@pytest.mark.parametrize("length", VECTORS["invalid_plaintext_bytes"])
def test_a_plaintext_of_invalid_length_is_refused(length: int) -> None:
    with pytest.raises(Nip44Error, match="1 to 65535 bytes"):
        nip44.encrypt("x" * length, KEY, NONCE)


def test_the_length_limit_counts_bytes_not_characters() -> None:
    with pytest.raises(Nip44Error, match="65536"):
        nip44.encrypt("é" * 32768, KEY, NONCE)


@pytest.mark.parametrize("length", [1, 32, 33, 256, 257, 4096, 40961, 65535])
def test_payload_length_is_known_beforehand(length: int) -> None:
    assert len(nip44.encrypt("x" * length, KEY, NONCE)) == nip44.payload_length(length)


@pytest.mark.parametrize("position", [0, 1, 33, 34, -32, -1])
def test_no_altered_byte_goes_unnoticed(position: int) -> None:
    data = bytearray(base64_strict.decode(nip44.encrypt("hello", KEY, NONCE)))
    data[position] ^= 1
    with pytest.raises(Nip44Error):
        nip44.decrypt(base64_strict.encode(bytes(data)), KEY)


def test_a_second_encoding_of_the_same_payload_is_refused() -> None:
    payload = nip44.encrypt("x" * 33, KEY, NONCE)
    assert payload.endswith("=")
    body, last = payload.rstrip("=")[:-1], payload.rstrip("=")[-1]
    other = body + chr(ord(last) + 1) + "=" * payload.count("=")
    with pytest.raises(Nip44Error, match="canonical"):
        nip44.decrypt(other, KEY)


def test_a_payload_in_a_future_encoding_is_named_as_such() -> None:
    with pytest.raises(Nip44Error, match="version is not supported"):
        nip44.decrypt("#", KEY)


@pytest.mark.parametrize(("key", "nonce"), [(KEY[1:], NONCE), (KEY, NONCE[1:])])
def test_keys_and_nonces_of_another_length_are_refused(key: bytes, nonce: bytes) -> None:
    with pytest.raises(Nip44Error, match="32 bytes, not 31"):
        nip44.encrypt("x", key, nonce)


def test_nostr_sdk_reads_what_we_write_and_we_read_what_it_writes() -> None:
    ours = SecretKey(b"\x01" * 32)
    theirs = nostr_sdk.Keys.parse("02" * 32)
    key = nip44.conversation_key(ours, theirs.public_key().to_hex())
    for text in ("a", "naïve ∑ 🦄", "x" * 5000):
        public = nostr_sdk.PublicKey.parse(ours.public_key)
        payload = nip44.encrypt(text, key, NONCE)
        assert nostr_sdk.nip44_decrypt(theirs.secret_key(), public, payload) == text
        version = nostr_sdk.Nip44Version.V2
        answer = nostr_sdk.nip44_encrypt(theirs.secret_key(), public, text, version)
        assert nip44.decrypt(answer, key) == text
