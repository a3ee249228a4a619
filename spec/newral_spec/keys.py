"""Secret keys and signatures on secp256k1, by libsecp256k1 (BIP-340 Schnorr)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from coincurve import PrivateKey, PublicKey, PublicKeyXOnly

_HEX32: Final = re.compile(r"[0-9a-f]{64}")
_HEX64: Final = re.compile(r"[0-9a-f]{128}")


class InvalidKey(ValueError):
    """The key is not a valid secp256k1 key in lower-case hexadecimal."""


def is_hex32(text: str) -> bool:
    """Whether `text` is exactly 32 bytes in lower-case hexadecimal, as ids and keys must be."""
    return _HEX32.fullmatch(text) is not None


def is_hex64(text: str) -> bool:
    """Whether `text` is exactly 64 bytes in lower-case hexadecimal, as signatures must be."""
    return _HEX64.fullmatch(text) is not None


class SecretKey:
    """A secp256k1 secret key. Its `repr` never shows the secret."""

    __slots__ = ("_private", "public_key")

    public_key: str
    """The x-only public key: 64 lower-case hexadecimal digits."""

    def __init__(self, secret: bytes) -> None:
        """Raises `InvalidKey` unless `secret` is 32 bytes and between 1 and the group order."""
        if len(secret) != 32:
            raise InvalidKey(f"a secret key is 32 bytes, not {len(secret)}")
        try:
            self._private = PrivateKey(secret)
        except ValueError as error:
            raise InvalidKey("the secret key is zero or not below the group order") from error
        self.public_key = self._private.public_key.format()[1:].hex()

    @classmethod
    def from_hex(cls, text: str) -> SecretKey:
        """Raises `InvalidKey` unless `text` is 64 lower-case hexadecimal digits of a valid key."""
        if not is_hex32(text):
            raise InvalidKey("a secret key is 64 lower-case hexadecimal digits")
        return cls(bytes.fromhex(text))

    def to_bytes(self) -> bytes:
        """The secret itself, 32 bytes: only for storing it encrypted."""
        return bytes(self._private.secret)

    def sign(self, digest: bytes) -> str:
        """A BIP-340 signature of a 32-byte digest: 128 hexadecimal digits."""
        return self._private.sign_schnorr(digest).hex()

    def ecdh_x(self, public_key: str) -> bytes:
        """The x coordinate, 32 bytes, of the shared point: unhashed, as NIP-04 and NIP-44 want it.

        Raises `InvalidKey` when `public_key` is not the x coordinate of a point.
        """
        if not is_hex32(public_key):
            raise InvalidKey("a public key is 64 lower-case hexadecimal digits")
        try:
            point = PublicKey(b"\x02" + bytes.fromhex(public_key))
        except ValueError as error:
            raise InvalidKey("the public key is not a point of the curve") from error
        return bytes(point.multiply(self.to_bytes()).format()[1:])

    def __repr__(self) -> str:
        return f"SecretKey(public_key={self.public_key!r})"


# 4,096 parsed keys take about a megabyte; parsing costs a square root, a tenth of a verification.
@lru_cache(maxsize=4096)
def _parsed(public_key: str) -> PublicKeyXOnly | None:
    try:
        return PublicKeyXOnly(bytes.fromhex(public_key))
    except ValueError:
        return None


def is_public_key(text: str) -> bool:
    """Whether `text` is the lower-case hexadecimal x coordinate of a point of the curve."""
    return is_hex32(text) and _parsed(text) is not None


def verify(public_key: str, digest: bytes, signature: str) -> bool:
    """Whether `signature` (128 hex digits) is `public_key`'s BIP-340 signature of `digest`."""
    # Lengths are checked here because not every libsecp256k1 binding does.
    if not is_hex32(public_key) or not is_hex64(signature) or len(digest) != 32:
        return False
    key = _parsed(public_key)
    return key is not None and bool(key.verify(bytes.fromhex(signature), digest))
