"""Base64 (RFC 4648 section 4) of which every byte string has exactly one encoding."""

from __future__ import annotations

import base64


def encode(data: bytes) -> str:
    """Standard alphabet, padded."""
    return base64.b64encode(data).decode("ascii")


def decode(text: str) -> bytes:
    """Undo `encode`, and nothing else.

    Raises `ValueError` on foreign characters, wrong padding and non-zero unused bits, which
    Python's own decoder lets pass.
    """
    data = base64.b64decode(text, validate=True)
    if encode(data) != text:
        raise ValueError("not canonical base64")
    return data
