import nostr_sdk
import pytest

from newral_spec.keys import SecretKey
from newral_spec.nips import bech32, nip19
from newral_spec.nips.nip19 import Nip19Error, Profile

# The examples of NIP-19.
PUBLIC = "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e"
NPUB = "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg"
SECRET = "67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa"
NSEC = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5"
PROFILE_PUBLIC = "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d"
NPROFILE = (
    "nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhx"
    "ue69uhkg6nzv9ejuumpv34kytnrdaksjlyr9p"
)
RELAYS = ("wss://r.x.com", "wss://djbas.sadkb.com")


def profile(*entries: tuple[int, bytes]) -> str:
    tlv = b"".join(bytes([kind, len(value)]) + value for kind, value in entries)
    return bech32.encode("nprofile", tlv)


def test_the_examples_of_nip_19() -> None:
    assert nip19.encode_npub(PUBLIC) == NPUB
    assert nip19.decode_npub(NPUB) == PUBLIC
    assert nip19.encode_nsec(SecretKey.from_hex(SECRET)) == NSEC
    assert nip19.decode_nsec(NSEC).to_bytes().hex() == SECRET
    assert nip19.decode_nprofile(NPROFILE) == Profile(PROFILE_PUBLIC, RELAYS)


def test_nostr_sdk_writes_the_same() -> None:
    assert nostr_sdk.PublicKey.parse(PUBLIC).to_bech32() == NPUB
    note = nip19.encode_note("d9" * 32)
    assert nostr_sdk.EventId.parse("d9" * 32).to_bech32() == note
    assert nip19.decode_note(note) == "d9" * 32
    written = nostr_sdk.Nip19Profile(
        nostr_sdk.PublicKey.parse(PUBLIC), [nostr_sdk.RelayUrl.parse("wss://relay.example")]
    )
    assert nip19.decode_nprofile(written.to_bech32()).public_key == PUBLIC


@pytest.mark.parametrize("text", [PUBLIC, NPUB, NPUB.upper()])
def test_a_public_key_is_read_in_every_form(text: str) -> None:
    assert nip19.parse_public_key(text) == PUBLIC


def test_a_public_key_is_read_from_a_profile() -> None:
    assert nip19.parse_public_key(NPROFILE) == PROFILE_PUBLIC


@pytest.mark.parametrize(
    "text",
    ["", "npub1", PUBLIC.upper(), PUBLIC[:-1], "f" * 64, NPUB[:-1], NPUB[:-1] + "q", f" {NPUB}"],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(Nip19Error):
        nip19.parse_public_key(text)


def test_a_secret_key_in_place_of_a_public_one_is_refused_and_not_repeated() -> None:
    with pytest.raises(Nip19Error, match="secret key") as caught:
        nip19.parse_public_key(NSEC)
    assert NSEC not in str(caught.value)


def test_one_kind_of_entity_is_not_taken_for_another() -> None:
    for decode in (nip19.decode_npub, nip19.decode_note, nip19.decode_nprofile):
        with pytest.raises(Nip19Error, match="starts with"):
            decode(NSEC)


def test_keys_that_are_no_keys_are_refused() -> None:
    with pytest.raises(Nip19Error, match="32 bytes, not 31"):
        nip19.decode_npub(bech32.encode("npub", bytes(31)))
    with pytest.raises(Nip19Error, match="not a point"):
        nip19.decode_npub(bech32.encode("npub", b"\xff" * 32))
    with pytest.raises(Nip19Error, match="zero"):
        nip19.decode_nsec(bech32.encode("nsec", bytes(32)))
    with pytest.raises(Nip19Error, match="not a point"):
        nip19.encode_npub("f" * 64)
    with pytest.raises(Nip19Error, match="event id"):
        nip19.encode_note("note")


def test_unknown_entries_of_a_profile_are_ignored() -> None:
    text = profile((77, b"new"), (0, bytes.fromhex(PUBLIC)), (1, b"wss://a"))
    assert nip19.decode_nprofile(text) == Profile(PUBLIC, ("wss://a",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (profile((1, b"wss://a")), "exactly one"),
        (profile((0, bytes.fromhex(PUBLIC)), (0, bytes.fromhex(PUBLIC))), "exactly one"),
        (profile((0, b"short")), "64 lower-case"),
        (profile((0, bytes.fromhex(PUBLIC)), (1, b"wss://\xff")), "ASCII"),
        (bech32.encode("nprofile", b"\x00\x20short"), "cut short"),
        (bech32.encode("nprofile", b"\x00"), "cut short"),
    ],
)
def test_a_malformed_profile_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(Nip19Error, match=reason):
        nip19.decode_nprofile(text)


def test_an_overlong_text_is_refused_unread() -> None:
    with pytest.raises(Nip19Error, match="longer than 5000"):
        nip19.decode_nprofile("nprofile1" + "q" * 5000)
