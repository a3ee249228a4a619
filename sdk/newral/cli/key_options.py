"""The options by which every command finds its key, and how a password is asked for."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from newral.cli.options import setting
from newral.errors import InvalidKeyFile

if TYPE_CHECKING:
    from newral_spec.keys import SecretKey

PASSWORD_BYTES_MAX: Final = 4096
"""Far longer than any password."""

KeyFile = Annotated[
    str | None,
    setting(
        "key-file",
        "--key-file",
        metavar="FILE",
        help="File with your secret key (see `newral keys new`), or keyring:NAME.",
    ),
]

PasswordFile = Annotated[
    Path | None,
    setting(
        "key-password-file",
        "--key-password-file",
        metavar="FILE",
        help="File with the key's password, instead of being asked for it.",
    ),
]


def load_secret(key_file: str, password_file: Path | None) -> SecretKey:
    """The key; asks for a password where it needs one. Raises `InvalidKeyFile`."""
    from newral.keyfiles import load_key

    return load_key(key_file, lambda: read_password(password_file, confirm=False))


def require_secret(key_file: str | None, password_file: Path | None) -> SecretKey:
    """The key, which must have been named. Raises `InvalidKeyFile`."""
    if key_file is None:
        raise InvalidKeyFile(
            "name your key with --key-file FILE or NEWRAL_KEY_FILE;"
            " make one with  newral keys new --output FILE"
        )
    return load_secret(key_file, password_file)


def read_password(password_file: Path | None, *, confirm: bool) -> str:
    """The password from a file, or from the terminal without showing it.

    Raises `InvalidKeyFile` when there is neither.
    """
    if password_file is not None:
        return _password_of(password_file)
    if not sys.stdin.isatty():
        raise InvalidKeyFile(
            "the key needs a password and there is no terminal to ask on:"
            " use --key-password-file or NEWRAL_KEY_PASSWORD_FILE"
        )
    password = getpass.getpass("Password of the key: ")
    if confirm and getpass.getpass("The same again: ") != password:
        raise InvalidKeyFile("the two passwords differ")
    if not password:
        raise InvalidKeyFile("the password is empty; use --no-password to store the key in clear")
    return password


def _password_of(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(PASSWORD_BYTES_MAX + 1)
        text = raw.decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidKeyFile(f"password file {file}: {error}") from error
    if not text or len(raw) > PASSWORD_BYTES_MAX:
        raise InvalidKeyFile(
            f"password file {file} must hold one line of at most {PASSWORD_BYTES_MAX} bytes"
        )
    return text
