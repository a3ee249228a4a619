"""Which relay addresses are allowed."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit, urlunsplit

RELAY_URL_CHARS_MAX: Final = 512
"""Longer than any real relay address; they arrive in events of strangers."""


class InvalidRelayUrl(ValueError):
    """Not the address of a relay."""


def normalise_relay_url(url: str) -> str:
    """Lower-case scheme and host, no trailing slash. Raises `InvalidRelayUrl`."""
    if len(url) > RELAY_URL_CHARS_MAX or not url.isprintable() or not url.isascii() or " " in url:
        raise InvalidRelayUrl(f"a relay's URL is at most {RELAY_URL_CHARS_MAX} ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidRelayUrl(f"not a URL: {error}") from error
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise InvalidRelayUrl(f"a relay's URL begins with ws:// or wss://, not {url[:32]!r}")
    if parts.username is not None or parts.fragment:
        raise InvalidRelayUrl("a relay's URL has neither a user name nor a fragment")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port is None else f"{host}:{port}"
    return urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), parts.query, ""))


def is_loopback(url: str) -> bool:
    """Whether the relay runs on this machine, by its name."""
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
