"""Canonical JSON."""

from __future__ import annotations

from typing import Any, Final

from newral_spec.canonical import canonical_json, parse_json, sha256_hex
from newral_spec.limits import JSON_DEPTH_MAX

_VALID: Final = (
    "null",
    " [ 1 , 2 ]\n",
    '{"b":1,"a":{"d":[],"c":{}}}',
    '{"10":1,"9":2,"A":3,"a":4,"":5}',
    '{"\\u20ac":1,"\\r":2,"\\ufb33":3,"\\ud83d\\ude00":4,"\\u0080":5,"\\u00f6":6}',
    '"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001F\\u007f\\"\\\\\\/\\u00e9\\u2028\\ud83d\\ude00"',
    "[9007199254740991,-9007199254740991,-0,0]",
    '{"a":1,"a":2}',
    "[true,false,null]",
    "[" * (JSON_DEPTH_MAX) + "1" + "]" * (JSON_DEPTH_MAX),
)

_INVALID: Final = (
    ("A fraction.", "1.5"),
    ("A whole number written like a fraction.", "1.0"),
    ("An exponent.", "1e3"),
    ("Beyond 2^53 - 1.", "9007199254740992"),
    ("Below -(2^53 - 1).", "-9007199254740992"),
    ("A lone surrogate.", '"\\ud83d"'),
    ("Surrogates in the wrong order.", '"\\ude00\\ud83d"'),
    ("Too deep.", "[" * (JSON_DEPTH_MAX + 1) + "1" + "]" * (JSON_DEPTH_MAX + 1)),
    ("A leading zero.", "01"),
    ("A trailing comma.", "[1,]"),
    ("Two values.", "1 2"),
    ("Nothing.", ""),
    ("A name without quotes.", "{a:1}"),
    ("Not a number.", "NaN"),
    ("A control character.", '"\t"'),
    ("A byte order mark.", "\ufeff1"),
)


def canonical() -> dict[str, Any]:
    """`canonical_json.json`."""
    return {
        "about": "Text, its canonical form and that form's SHA-256; and text that has none. Of a "
        "name given twice the last value counts. Names are sorted by code point.",
        "valid": [
            {
                "text": text,
                "canonical": (raw := canonical_json(parse_json(text))).decode(),
                "sha256": sha256_hex(raw),
            }
            for text in _VALID
        ],
        "invalid": [{"about": about, "text": text} for about, text in _INVALID],
    }
