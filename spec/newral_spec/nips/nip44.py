"""NIP-44 version 2: encrypted payloads (secp256k1 ECDH, HKDF, ChaCha20, HMAC-SHA256)."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from newral_spec import keys
from newral_spec.nips import base64_strict

PLAINTEXT_BYTES_MAX: Final = 65535
"""The length travels in 16 bits."""

NONCE_BYTES: Final = 32
KEY_BYTES: Final = 32

_VERSION: Final = 2
_MAC_BYTES: Final = 32
_LENGTH_BYTES: Final = 2
_CHACHA_KEY_BYTES: Final = 32
_CHACHA_NONCE_BYTES: Final = 12
_HMAC_KEY_BYTES: Final = 32
_PADDED_BYTES_MIN: Final = 32
_OVERHEAD_BYTES: Final = 1 + NONCE_BYTES + _LENGTH_BYTES + _MAC_BYTES
# Base64 of the shortest and of the longest payload; NIP-44 names both numbers.
_PAYLOAD_CHARS_MIN: Final = 132
_PAYLOAD_CHARS_MAX: Final = 87472


class Nip44Error(ValueError):
    """The payload cannot be decrypted, or the plaintext cannot be encrypted."""


class MessageKeys(NamedTuple):
    """Keys of one message, derived from the conversation key and the message's nonce."""

    chacha_key: bytes
    chacha_nonce: bytes
    hmac_key: bytes


def conversation_key(secret: keys.SecretKey, public_key: str) -> bytes:
    """The 32-byte key that `secret`'s owner and `public_key`'s owner share, in either direction.

    Raises `Nip44Error` when `public_key` is not a point of the curve.
    """
    try:
        shared_x = secret.ecdh_x(public_key)
    except keys.InvalidKey as error:
        raise Nip44Error(str(error)) from error
    return hmac.digest(b"nip44-v2", shared_x, sha256)


def message_keys(conversation_key: bytes, nonce: bytes) -> MessageKeys:
    """Derive one message's keys. Raises `Nip44Error` unless key and nonce are 32 bytes each."""
    if len(conversation_key) != KEY_BYTES:
        raise Nip44Error(f"a conversation key is {KEY_BYTES} bytes, not {len(conversation_key)}")
    if len(nonce) != NONCE_BYTES:
        raise Nip44Error(f"a nonce is {NONCE_BYTES} bytes, not {len(nonce)}")
    length = _CHACHA_KEY_BYTES + _CHACHA_NONCE_BYTES + _HMAC_KEY_BYTES
    okm = HKDFExpand(SHA256(), length, info=nonce).derive(conversation_key)
    return MessageKeys(okm[:32], okm[32:44], okm[44:])


def padded_length(length: int) -> int:
    """Bytes to which a plaintext of `length` bytes is padded, its length prefix not counted.

    The next multiple of an eighth of the next power of two, or of 32 bytes where that is more.
    """
    if length <= _PADDED_BYTES_MIN:
        return _PADDED_BYTES_MIN
    next_power = 1 << (length - 1).bit_length()
    chunk = max(_PADDED_BYTES_MIN, next_power // 8)
    return -(-length // chunk) * chunk


def payload_length(length: int) -> int:
    """Characters of the payload that `encrypt` makes of a plaintext of `length` bytes."""
    return -(-(_OVERHEAD_BYTES + padded_length(length)) // 3) * 4


def encrypt(plaintext: str, conversation_key: bytes, nonce: bytes) -> str:
    """Encrypt 1 to 65,535 bytes of UTF-8.

    `nonce` is 32 bytes from a cryptographic generator: using one twice under the same key
    reveals both messages. Raises `Nip44Error`.
    """
    derived = message_keys(conversation_key, nonce)
    ciphertext = _chacha20(derived, _pad(plaintext))
    mac = _mac(derived, nonce, ciphertext)
    return base64_strict.encode(bytes([_VERSION]) + nonce + ciphertext + mac)


def decrypt(payload: str, conversation_key: bytes) -> str:
    """Check the MAC, then decrypt. Raises `Nip44Error`.

    The payload proves only that one of the two parties made it: who did is told by the signature
    of the event around it, which must be verified first.
    """
    nonce, ciphertext, mac = _split(payload)
    derived = message_keys(conversation_key, nonce)
    if not hmac.compare_digest(mac, _mac(derived, nonce, ciphertext)):
        raise Nip44Error("the MAC is wrong: another key, or an altered payload")
    return _unpad(_chacha20(derived, ciphertext))


def _split(payload: str) -> tuple[bytes, bytes, bytes]:
    """Nonce, ciphertext and MAC of a payload of a plausible length."""
    if payload.startswith("#"):
        raise Nip44Error("the encryption version is not supported: the payload is not base64")
    if not _PAYLOAD_CHARS_MIN <= len(payload) <= _PAYLOAD_CHARS_MAX:
        raise Nip44Error(
            f"a payload has {_PAYLOAD_CHARS_MIN} to {_PAYLOAD_CHARS_MAX} characters, "
            f"not {len(payload)}"
        )
    try:
        data = base64_strict.decode(payload)
    except ValueError as error:
        raise Nip44Error("the payload is not canonical base64") from error
    if data[0] != _VERSION:
        raise Nip44Error(f"encryption version {data[0]} is not supported, only {_VERSION}")
    if len(data) < _OVERHEAD_BYTES + _PADDED_BYTES_MIN:
        raise Nip44Error("the payload is too short")
    return data[1 : 1 + NONCE_BYTES], data[1 + NONCE_BYTES : -_MAC_BYTES], data[-_MAC_BYTES:]


def _chacha20(derived: MessageKeys, data: bytes) -> bytes:
    counter = bytes(4)  # RFC 8439's block counter starts at zero; the binding wants it in front
    cipher = Cipher(algorithms.ChaCha20(derived.chacha_key, counter + derived.chacha_nonce), None)
    return cipher.encryptor().update(data)


def _mac(derived: MessageKeys, nonce: bytes, ciphertext: bytes) -> bytes:
    return hmac.digest(derived.hmac_key, nonce + ciphertext, sha256)


def _pad(plaintext: str) -> bytes:
    try:
        data = plaintext.encode()
    except UnicodeEncodeError as error:
        raise Nip44Error("the plaintext has a lone surrogate, which UTF-8 cannot hold") from error
    if not 1 <= len(data) <= PLAINTEXT_BYTES_MAX:
        raise Nip44Error(f"a plaintext has 1 to {PLAINTEXT_BYTES_MAX} bytes, not {len(data)}")
    return len(data).to_bytes(_LENGTH_BYTES) + data.ljust(padded_length(len(data)), b"\0")


def _unpad(padded: bytes) -> str:
    length = int.from_bytes(padded[:_LENGTH_BYTES])
    data = padded[_LENGTH_BYTES : _LENGTH_BYTES + length]
    if length == 0 or len(padded) != _LENGTH_BYTES + padded_length(length):
        raise Nip44Error("the padding does not fit the length of the plaintext")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Nip44Error("the plaintext is not UTF-8") from error
