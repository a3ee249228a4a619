import nostr_sdk
import pytest

from newral_spec.nips import bech32, nip49
from newral_spec.nips.nip49 import KeySecurity, Nip49Error

# The test data of NIP-49.
PUBLISHED = (
    "ncryptsec1qgg9947rlpvqu76pj5ecreduf9jxhselq2nae2kghhvd5g7dgjtcxfqtd67p9m0w57lspw8gsq6yphnm8623"
    "nsl8xn9j4jdzz84zm3frztj3z7s35vpzmqf6ksu8r89qk5z2zxfmu5gv8th8wclt0h4p"
)
SECRET = bytes.fromhex("3501454135014541350145413501453fefb02227e449e57cf4d3a3ce05378683")
SALT = bytes(range(16))
NONCE = bytes(range(24))
FAST = 4  # scrypt in microseconds: these tests are not about its cost


def encrypt(password: str, log_n: int = FAST) -> str:
    return nip49.encrypt(SECRET, password, log_n=log_n, salt=SALT, nonce=NONCE)


def test_the_published_key_is_decrypted() -> None:
    assert nip49.decrypt(PUBLISHED, "nostr") == SECRET


def test_encrypting_with_the_published_salt_and_nonce_gives_the_published_key() -> None:
    _, blob = bech32.decode(PUBLISHED, 200)
    written = nip49.encrypt(
        SECRET, "nostr", salt=blob[2:18], nonce=blob[18:42], security=KeySecurity(blob[42])
    )
    assert written == PUBLISHED


def test_nostr_sdk_reads_what_we_write_and_we_read_what_it_writes() -> None:
    theirs = nostr_sdk.EncryptedSecretKey.from_bech32(encrypt("pässword"))
    assert theirs.decrypt("pässword").to_hex() == SECRET.hex()
    written = nostr_sdk.SecretKey.from_bytes(SECRET).encrypt("pässword").to_bech32()
    assert nip49.decrypt(written, "pässword") == SECRET


# NIP-49: "ÅΩẛ̣" in two spellings; NFKC makes one of them.
@pytest.mark.parametrize(
    "spelling", ["\u212b\u2126\u1e9b\u0323", "\u00c5\u03a9\u1e69", "A\u030a\u03a9s\u0323\u0307"]
)
def test_a_password_is_the_same_in_every_normal_form(spelling: str) -> None:
    assert nip49.decrypt(encrypt("\u212b\u2126\u1e9b\u0323"), spelling) == SECRET


def test_a_wrong_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(Nip49Error, match="password is wrong") as caught:
        nip49.decrypt(encrypt("right"), "hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("position", [18, 42, 43, 90])
def test_no_altered_byte_goes_unnoticed(position: int) -> None:
    prefix, blob = bech32.decode(encrypt("right"), 200)
    altered = blob[:position] + bytes([blob[position] ^ 1]) + blob[position + 1 :]
    with pytest.raises(Nip49Error, match="altered"):
        nip49.decrypt(bech32.encode(prefix, altered), "right")


@pytest.mark.parametrize("log_n", [0, 21, 255])
def test_a_hostile_cost_is_refused_before_any_memory_is_taken(log_n: int) -> None:
    hostile = bech32.encode("ncryptsec", bytes([2, log_n]) + bytes(89))
    with pytest.raises(Nip49Error, match="log_n"):
        nip49.decrypt(hostile, "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ncryptsec1", "too short"),
        (bech32.encode("nsec", bytes(32)), "starts with"),
        (bech32.encode("ncryptsec", bytes(90)), "91 bytes, not 90"),
        (bech32.encode("ncryptsec", bytes(92)), "longer"),
        (bech32.encode("ncryptsec", b"\x01\x04" + bytes(89)), "version 1"),
    ],
)
def test_malformed_text_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(Nip49Error, match=reason):
        nip49.decrypt(text, "")


def test_sizes_are_checked_before_encrypting() -> None:
    for secret, salt, nonce in (
        (SECRET[1:], SALT, NONCE),
        (SECRET, SALT[1:], NONCE),
        (SECRET, SALT, NONCE[1:]),
    ):
        with pytest.raises(Nip49Error, match=r"bytes, not"):
            nip49.encrypt(secret, "x", salt=salt, nonce=nonce, log_n=FAST)
