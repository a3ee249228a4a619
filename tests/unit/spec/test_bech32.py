import pytest

from newral_spec.nips import bech32
from newral_spec.nips.bech32 import InvalidBech32

BIP173_CHARS_MAX = 90

# BIP-173, "Test vectors".
VALID = {
    "A12UEL5L": "a",
    "a12uel5l": "a",
    "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs": (
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio"
    ),
    "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw": "abcdef",
    f"11{'q' * 82}c8247j": "1",
    "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w": "split",
    "?1ezyfcl": "?",
}
INVALID = [
    ("\x201nwldj5", "printable"),
    ("\x7f1axkwrx", "printable"),
    ("\x801eym55h", "printable"),
    (
        "an84characterslonghumanreadablepartthatcontainsthenumber1"
        "andtheexcludedcharactersbio1569pvx",
        "longer",
    ),
    ("pzry9x0s0muk", "human-readable"),
    ("1pzry9x0s0muk", "human-readable"),
    ("x1b4n0q5v", "alphabet"),
    ("li1dgmt3", "too short"),
    ("de1lg7wt\xff", "printable"),
    ("A1G7SGD8", "checksum"),
    ("10a06t8", "human-readable"),
    ("1qzzfhee", "human-readable"),
    ("a12uEL5L", "mixed"),
]


@pytest.mark.parametrize("text", VALID)
def test_valid_vectors_of_bip_173(text: str) -> None:
    prefix, data = bech32.decode(text, BIP173_CHARS_MAX)
    assert prefix == VALID[text]
    # The one vector whose five-bit groups are no whole number of bytes has two bits of padding.
    assert bech32.encode(prefix, data) == text.lower()


def test_the_words_0_to_31_are_the_bytes_that_they_spell() -> None:
    _, data = bech32.decode("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", BIP173_CHARS_MAX)
    bits = "".join(f"{word:05b}" for word in range(32))
    assert data == int(bits, 2).to_bytes(20)


@pytest.mark.parametrize(("text", "reason"), INVALID)
def test_invalid_vectors_of_bip_173(text: str, reason: str) -> None:
    with pytest.raises(InvalidBech32, match=reason):
        bech32.decode(text, BIP173_CHARS_MAX)


@pytest.mark.parametrize(
    "text",
    [
        "a1q3g6mn3",  # five bits of padding
        "a1qqqqqqqqqvgade4",  # five bits of padding after five bytes
        "a1qpamnt9j",  # two bits of padding, one of them set
    ],
)
def test_bad_padding_is_refused(text: str) -> None:
    with pytest.raises(InvalidBech32, match="padding"):
        bech32.decode(text, BIP173_CHARS_MAX)
