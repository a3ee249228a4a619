"""Where the market is: options that several commands share."""

from __future__ import annotations

from typing import Annotated, Final

from newral.cli.options import setting
from newral.errors import ConfigurationError

Relays = Annotated[
    list[str] | None,
    setting(
        "relays",
        "--relay",
        metavar="URL",
        help="Relay to use; give it several times for several (in the variable: spaces).",
    ),
]

Coordinator = Annotated[
    str | None,
    setting(
        "coordinator",
        "--coordinator",
        metavar="NPUB",
        help="The coordinator's public key; needed where relays know more than one.",
    ),
]

EXAMPLE_RELAY: Final = "ws://127.0.0.1:7777"


def require_relays(relays: list[str] | None) -> tuple[str, ...]:
    """At least one relay. Raises `ConfigurationError`."""
    if not relays:
        raise ConfigurationError(
            f"name a relay with --relay {EXAMPLE_RELAY}, NEWRAL_RELAYS or newral.toml"
        )
    return tuple(relays)


def require_coordinator(coordinator: str | None) -> str:
    """The coordinator's key in hexadecimal. Raises `ConfigurationError`."""
    from newral_spec.nips.nip19 import Nip19Error, parse_public_key

    if coordinator is None:
        raise ConfigurationError(
            "name the coordinator with --coordinator NPUB, NEWRAL_COORDINATOR or newral.toml"
        )
    try:
        return parse_public_key(coordinator)
    except Nip19Error as error:
        raise ConfigurationError(f"--coordinator: {error}") from error
