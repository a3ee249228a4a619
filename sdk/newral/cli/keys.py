"""`newral keys`: make, import and show keys."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newral.cli.console import note, print_json, print_line
from newral.cli.json_option import Json
from newral.cli.key_options import KeyFile, PasswordFile, read_password, require_secret

if TYPE_CHECKING:
    from newral_spec.keys import SecretKey

group = typer.Typer(help="Make, import and show keys.", no_args_is_help=True)

Output = Annotated[Path | None, typer.Option("--output", help="New file for the key.")]
Keyring = Annotated[
    str | None, typer.Option("--keyring", metavar="NAME", help="Store in the system's keyring.")
]
NoPassword = Annotated[
    bool, typer.Option("--no-password", help="Store the key in clear, in a file of mode 0600.")
]


@group.command()
def new(
    output: Output = None,
    keyring: Keyring = None,
    no_password: NoPassword = False,
    key_password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Make a new key and store it, encrypted with a password unless told otherwise.

    Example: newral keys new --output ~/newral.key
    """
    from newral.keyfiles import generate_key

    _store(generate_key(), output, keyring, no_password, key_password_file, json)


@group.command("import")
def import_(
    output: Output = None,
    keyring: Keyring = None,
    no_password: NoPassword = False,
    key_password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Store a key that you have: nsec, ncryptsec or hexadecimal, asked for or read from stdin.

    Example: newral keys import --output ~/newral.key < nsec.txt
    """
    from newral.keyfiles import FILE_BYTES_MAX, parse_secret

    if sys.stdin.isatty():
        text = getpass.getpass("Secret key (nsec, ncryptsec or hexadecimal): ")
    else:
        text = sys.stdin.read(FILE_BYTES_MAX)
    secret = parse_secret(text, lambda: read_password(key_password_file, confirm=False))
    _store(secret, output, keyring, no_password, key_password_file, json)


@group.command()
def show(
    key_file: KeyFile = None, key_password_file: PasswordFile = None, json: Json = False
) -> None:
    """Show the public key that belongs to a key file.

    Example: newral keys show --key-file ~/newral.key
    """
    _print_public(require_secret(key_file, key_password_file), json)


def _store(
    secret: SecretKey,
    output: Path | None,
    keyring: str | None,
    no_password: bool,
    password_file: Path | None,
    json: bool,
) -> None:
    from newral.keyfiles import save_key, save_to_keyring

    if (output is None) == (keyring is None):
        raise typer.BadParameter("say where to store the key: --output FILE or --keyring NAME")
    if keyring is not None:
        save_to_keyring(keyring, secret)
        note(f"stored in the keyring; use it with --key-file keyring:{keyring}")
    elif output is not None:
        password = None if no_password else read_password(password_file, confirm=True)
        save_key(output, secret, password)
        note(f"stored in {output}; use it with --key-file {output}")
    _print_public(secret, json)


def _print_public(secret: SecretKey, json: bool) -> None:
    from newral_spec.nips.nip19 import encode_npub

    npub = encode_npub(secret.public_key)
    if json:
        print_json({"npub": npub, "pubkey": secret.public_key})
    else:
        print_line(npub)
        print_line(secret.public_key)
