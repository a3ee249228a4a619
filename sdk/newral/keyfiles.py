"""Secret keys at rest: a file that only its owner reads, or the operating system's keyring.

A file holds either `ncryptsec1…` (NIP-49, encrypted with a password) or 64 hexadecimal digits.
A secret never comes from a command line, where every user of the machine could read it.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from newral.errors import InvalidKeyFile
from newral_spec.keys import InvalidKey, SecretKey
from newral_spec.nips import nip19, nip49

FILE_BYTES_MAX: Final = 4096
"""Several times the longest form of a key."""

KEYRING_PREFIX: Final = "keyring:"
KEYRING_SERVICE: Final = "newral"

Password = Callable[[], str]
"""Asks for the password when an encrypted key needs one."""


def load_key(source: str | Path, password: Password) -> SecretKey:
    """The key in a file, or in the keyring under NAME when `source` is `keyring:NAME`.

    Raises `InvalidKeyFile`.
    """
    if str(source).startswith(KEYRING_PREFIX):
        return parse_secret(_read_keyring(str(source)), password)
    path = Path(source)
    try:
        return parse_secret(_read_private(path), password)
    except InvalidKeyFile as error:
        raise InvalidKeyFile(f"key file {path}: {error}") from error


def parse_secret(text: str, password: Password) -> SecretKey:
    """A key from `ncryptsec1…`, `nsec1…` or 64 hexadecimal digits. Raises `InvalidKeyFile`."""
    word = text.strip()
    try:
        if word.startswith("ncryptsec1"):
            return SecretKey(nip49.decrypt(word, password()))
        if word.startswith("nsec1"):
            return nip19.decode_nsec(word)
        return SecretKey.from_hex(word)
    except (InvalidKey, nip49.Nip49Error, nip19.Nip19Error) as error:
        raise InvalidKeyFile(str(error)) from error


def save_key(path: Path, secret: SecretKey, password: str | None) -> None:
    """Write a new file that only its owner can read; never replaces one.

    Raises `InvalidKeyFile` when the file exists or cannot be written.
    """
    text = secret.to_bytes().hex() if password is None else _encrypted(secret, password)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise InvalidKeyFile(f"{path} exists already: a key is never overwritten") from error
    except OSError as error:
        raise InvalidKeyFile(f"{path} cannot be written: {error.strerror}") from error


def save_to_keyring(name: str, secret: SecretKey) -> None:
    """Store the key in the operating system's keyring. Raises `InvalidKeyFile`."""
    import keyring
    from keyring.errors import KeyringError

    try:
        if keyring.get_password(KEYRING_SERVICE, name) is not None:
            raise InvalidKeyFile(f"the keyring has a key {name!r} already: it is not overwritten")
        keyring.set_password(KEYRING_SERVICE, name, secret.to_bytes().hex())
    except KeyringError as error:
        raise InvalidKeyFile(f"the keyring cannot be used: {error}") from error


def load_or_create_key(path: Path) -> SecretKey:
    """The unencrypted key in `path`, made when it is not there. Raises `InvalidKeyFile`."""
    if not path.exists():
        save_key(path, generate_key(), None)
    return load_key(path, _no_password)


def generate_key() -> SecretKey:
    """A new key from the operating system's generator."""
    while True:
        try:
            return SecretKey(secrets.token_bytes(32))
        except InvalidKey:  # one in 2^128
            continue


def _no_password() -> str:
    raise InvalidKeyFile("the key is encrypted, and there is nobody to ask for its password")


def _encrypted(secret: SecretKey, password: str) -> str:
    return nip49.encrypt(
        secret.to_bytes(),
        password,
        salt=secrets.token_bytes(nip49.SALT_BYTES),
        nonce=secrets.token_bytes(nip49.NONCE_BYTES),
    )


def _read_private(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidKeyFile(f"{error.strerror or error}") from error
    if mode & 0o077:
        raise InvalidKeyFile(f"others may read it (mode {mode:04o}): run  chmod 600 {path}")
    if len(raw) > FILE_BYTES_MAX:
        raise InvalidKeyFile(f"it has more than {FILE_BYTES_MAX} bytes, so it is not a key")
    return raw.decode("ascii", errors="replace")


def _read_keyring(source: str) -> str:
    import keyring
    from keyring.errors import KeyringError

    name = source.removeprefix(KEYRING_PREFIX)
    try:
        found = keyring.get_password(KEYRING_SERVICE, name)
    except KeyringError as error:
        raise InvalidKeyFile(f"the keyring cannot be used: {error}") from error
    if found is None:
        raise InvalidKeyFile(f"the keyring has no key {name!r}")
    return found
