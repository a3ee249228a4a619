"""NIP-04 direct messages: read for old clients, never written.

AES-256-CBC under the bare x coordinate of the shared point, without a MAC. NIP-04 is deprecated
because of that; only the event's signature protects the ciphertext.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from newral_spec import keys, limits
from newral_spec.nips import base64_strict

_SEPARATOR: Final = "?iv="
_BLOCK_BYTES: Final = 16


class Nip04Error(ValueError):
    """The content is not a NIP-04 message between these two keys."""


def decrypt(content: str, secret: keys.SecretKey, public_key: str) -> str:
    """Decrypt `base64(ciphertext)?iv=base64(iv)` from, or to, `public_key`. Raises `Nip04Error`.

    Every failure after the outer form says the same, so that it tells an attacker nothing about
    the padding.
    """
    ciphertext, iv = _split(content)
    try:
        key = secret.ecdh_x(public_key)
    except keys.InvalidKey as error:
        raise Nip04Error(str(error)) from error
    decryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).decryptor()
    unpadder = PKCS7(8 * _BLOCK_BYTES).unpadder()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    try:
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError as error:
        raise Nip04Error("the message cannot be decrypted with these keys") from error


def _split(content: str) -> tuple[bytes, bytes]:
    if len(content) > limits.CONTENT_BYTES_MAX:
        raise Nip04Error(f"a message has at most {limits.CONTENT_BYTES_MAX} characters")
    encrypted, separator, initial = content.partition(_SEPARATOR)
    if not separator:
        raise Nip04Error(f"a message has the form CIPHERTEXT{_SEPARATOR}IV, both in base64")
    try:
        ciphertext, iv = base64_strict.decode(encrypted), base64_strict.decode(initial)
    except ValueError as error:
        raise Nip04Error("ciphertext and iv are canonical base64") from error
    if len(iv) != _BLOCK_BYTES:
        raise Nip04Error(f"an iv is {_BLOCK_BYTES} bytes, not {len(iv)}")
    if not ciphertext or len(ciphertext) % _BLOCK_BYTES:
        raise Nip04Error(f"a ciphertext is one or more blocks of {_BLOCK_BYTES} bytes")
    return ciphertext, iv
