"""Canonical JSON: one byte string for one value, so that its hash means something.

The subset of RFC 8785 that needs no number formatting: no floats, integers within ±(2^53 − 1),
keys sorted by code point, no white space, UTF-8.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from newral_spec import limits

JSON = Any
"""Plain JSON data: None, bool, int, str, list or dict with string keys."""

INTEGER_MAX: Final = 2**53 - 1

_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final = msgspec.json.Decoder()


class NotCanonical(ValueError):
    """The value has no canonical form; the message names the first reason."""


def canonical_json(value: JSON) -> bytes:
    """The canonical bytes of `value`. Raises `NotCanonical`."""
    _check(value, 0)
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError as error:
        raise NotCanonical("a string has a lone surrogate") from error


def _check(value: JSON, depth: int) -> None:
    if depth > limits.JSON_DEPTH_MAX:
        raise NotCanonical(f"nested deeper than {limits.JSON_DEPTH_MAX}")
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise NotCanonical("an integer beyond 2^53 - 1 must be written as a decimal string")
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise NotCanonical("an object's keys must be strings")
            _check(item, depth + 1)
    else:
        raise NotCanonical(f"a {type(value).__name__} is not allowed: write it as a string")


def parse_json(raw: bytes | str) -> JSON:
    """Parse JSON of bounded depth, integers and strings only. Raises `NotCanonical`."""
    try:
        value = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise NotCanonical(f"not valid JSON: {error}") from error
    _check(value, 0)
    return value


def sha256_hex(data: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def json_hash(value: JSON) -> str:
    """SHA-256 of the canonical form, in hexadecimal. Raises `NotCanonical`."""
    return sha256_hex(canonical_json(value))
