"""NIP-49: a secret key encrypted with a password (scrypt, XChaCha20-Poly1305)."""

from __future__ import annotations

import hashlib
import unicodedata
from enum import IntEnum
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from newral_spec.nips import bech32

SALT_BYTES: Final = 16
NONCE_BYTES: Final = 24

LOG_N_DEFAULT: Final = 16
"""64 MiB and a tenth of a second: NIP-49's first row."""

LOG_N_MIN: Final = 1
LOG_N_MAX: Final = 20
"""1 GiB. The encrypted key names its own cost, so that a hostile one could ask for 2^255 KiB."""

_PREFIX: Final = "ncryptsec"
_VERSION: Final = 2
_SECRET_BYTES: Final = 32
_TAG_BYTES: Final = 16
_HEADER_BYTES: Final = 2
_BLOB_BYTES: Final = _HEADER_BYTES + SALT_BYTES + NONCE_BYTES + 1 + _SECRET_BYTES + _TAG_BYTES
# "ncryptsec1", 91 bytes in groups of five bits, six characters of checksum.
_TEXT_CHARS: Final = len(_PREFIX) + 1 + -(-_BLOB_BYTES * 8 // 5) + 6
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 1


class Nip49Error(ValueError):
    """The key cannot be encrypted or decrypted. The message never repeats key or password."""


class KeySecurity(IntEnum):
    """What is known of how the key was handled; readable, and protected, in the encrypted key."""

    HANDLED_INSECURELY = 0
    NOT_KNOWN_INSECURE = 1
    NOT_TRACKED = 2


def encrypt(
    secret: bytes,
    password: str,
    *,
    salt: bytes,
    nonce: bytes,
    log_n: int = LOG_N_DEFAULT,
    security: KeySecurity = KeySecurity.NOT_TRACKED,
) -> str:
    """Encrypt a 32-byte secret key as `ncryptsec1…`.

    `salt` (16 bytes) and `nonce` (24 bytes) come from a cryptographic generator; 2^`log_n` is
    scrypt's cost, which takes 2^`log_n` KiB. Raises `Nip49Error`.
    """
    for name, value, size in (
        ("secret key", secret, _SECRET_BYTES),
        ("salt", salt, SALT_BYTES),
        ("nonce", nonce, NONCE_BYTES),
    ):
        if len(value) != size:
            raise Nip49Error(f"a {name} is {size} bytes, not {len(value)}")
    key = _stretch(password, salt, log_n)
    aad = bytes([security])
    sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(secret, aad, nonce, key)
    return bech32.encode(_PREFIX, bytes([_VERSION, log_n]) + salt + nonce + aad + sealed)


def decrypt(ncryptsec: str, password: str) -> bytes:
    """The 32-byte secret key. Raises `Nip49Error`, also when the password is wrong."""
    blob = _decode(ncryptsec)
    salt_end = _HEADER_BYTES + SALT_BYTES
    nonce_end = salt_end + NONCE_BYTES
    nonce, aad, sealed = blob[salt_end:nonce_end], blob[nonce_end : nonce_end + 1], blob[-48:]
    key = _stretch(password, blob[_HEADER_BYTES:salt_end], blob[1])
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, aad, nonce, key)
    except CryptoError as error:
        raise Nip49Error("the password is wrong, or the encrypted key was altered") from error


def _decode(ncryptsec: str) -> bytes:
    try:
        prefix, blob = bech32.decode(ncryptsec, _TEXT_CHARS)
    except bech32.InvalidBech32 as error:
        raise Nip49Error(f"not an encrypted key: {error}") from error
    if prefix != _PREFIX:
        raise Nip49Error(f"an encrypted key starts with '{_PREFIX}1'")
    if len(blob) != _BLOB_BYTES:
        raise Nip49Error(f"an encrypted key holds {_BLOB_BYTES} bytes, not {len(blob)}")
    if blob[0] != _VERSION:
        raise Nip49Error(f"version {blob[0]} is not supported, only {_VERSION}")
    return blob


def _stretch(password: str, salt: bytes, log_n: int) -> bytes:
    if not LOG_N_MIN <= log_n <= LOG_N_MAX:
        raise Nip49Error(f"log_n is between {LOG_N_MIN} and {LOG_N_MAX}, not {log_n}")
    try:
        # The same password typed on another keyboard may come in another normal form.
        normal = unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError as error:
        raise Nip49Error("the password has a lone surrogate, which UTF-8 cannot hold") from error
    n = 1 << log_n
    try:
        return hashlib.scrypt(
            normal,
            salt=salt,
            n=n,
            r=_SCRYPT_R,
            p=_SCRYPT_P,
            maxmem=128 * _SCRYPT_R * (n + _SCRYPT_P + 2),
            dklen=bindings.crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
        )
    except (MemoryError, ValueError) as error:
        raise Nip49Error(f"scrypt needs {n >> 10} MiB of memory, which is not there") from error
