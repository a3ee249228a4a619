"""Bech32 (BIP-173): a byte string as text with a human-readable part and a checksum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

_CHARSET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUE: Final = {character: value for value, character in enumerate(_CHARSET)}
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_CHARS: Final = 6


class InvalidBech32(ValueError):
    """The text is not Bech32. The message never repeats the text, which may hold a secret."""


def encode(prefix: str, data: bytes) -> str:
    """`data` after the human-readable part `prefix`, which is lower-case ASCII."""
    words = _regroup(data, 8, 5)
    if spare := len(data) * 8 % 5:
        words.append((data[-1] << (5 - spare)) & 31)
    residue = _polymod((*_expand(prefix), *words, *[0] * _CHECKSUM_CHARS)) ^ 1
    checksum = [(residue >> 5 * (_CHECKSUM_CHARS - 1 - i)) & 31 for i in range(_CHECKSUM_CHARS)]
    return f"{prefix}1{''.join(_CHARSET[word] for word in (*words, *checksum))}"


def decode(text: str, length_max: int) -> tuple[str, bytes]:
    """The human-readable part, in lower case, and the bytes. Raises `InvalidBech32`.

    `length_max` is in characters. BIP-173 sets 90, up to which the checksum detects any four
    errors; formats that carry more say so.
    """
    if len(text) > length_max:
        raise InvalidBech32(f"longer than {length_max} characters")
    if not all(33 <= ord(character) <= 126 for character in text):
        raise InvalidBech32("a character is not printable ASCII")
    if text not in (text.lower(), text.upper()):
        raise InvalidBech32("upper and lower case are mixed")
    prefix, separator, payload = text.lower().rpartition("1")
    if not separator or not prefix:
        raise InvalidBech32("no human-readable part before a separator '1'")
    if len(payload) < _CHECKSUM_CHARS:
        raise InvalidBech32("too short for a checksum")
    if not all(character in _VALUE for character in payload):
        raise InvalidBech32("a character is not in the Bech32 alphabet")
    words = [_VALUE[character] for character in payload]
    if _polymod((*_expand(prefix), *words)) != 1:
        raise InvalidBech32("the checksum is wrong: a character was changed or lost")
    return prefix, _to_bytes(words[:-_CHECKSUM_CHARS])


def _expand(prefix: str) -> tuple[int, ...]:
    return (*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix))


def _polymod(values: Iterable[int]) -> int:
    residue = 1
    for value in values:
        top = residue >> 25
        residue = (residue & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                residue ^= generator
    return residue


def _regroup(values: Sequence[int], width: int, new_width: int) -> list[int]:
    """Cut the bits of `values` into groups of `new_width`, dropping an incomplete last group."""
    groups: list[int] = []
    buffer = bits = 0
    for value in values:
        buffer = (buffer << width | value) & 0xFFF
        bits += width
        while bits >= new_width:
            bits -= new_width
            groups.append(buffer >> bits & (1 << new_width) - 1)
    return groups


def _to_bytes(words: Sequence[int]) -> bytes:
    spare = len(words) * 5 % 8
    if spare >= 5 or (words and words[-1] & (1 << spare) - 1):
        raise InvalidBech32("the padding is not fewer than five zero bits")
    return bytes(_regroup(words, 5, 8))
