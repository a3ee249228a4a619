"""Units and their results, byte for byte what every implementation must return."""

from __future__ import annotations

from typing import Any, Final

from newral_kernels import registry
from newral_spec.canonical import canonical_json, sha256_hex
from spec_vectors.files import Files

_LARGE: Final = 9_007_199_254_740_997  # prime, and above 2^53 - 1: a string in JSON
_BEYOND: Final = 2**64 + 1  # less 1 it divides n - 1, whatever it is

_UNITS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "bpsw": {
        "one_block": {"start": str(2**64), "stop": str(2**64 + 2000)},
        "two_blocks": {"start": str(2**64 + 1), "stop": str(2**64 + 2**16 + 1)},
        "highest": {"start": str(2**128 - 1000), "stop": str(2**128)},
        "one_number": {"start": str(2**64 + 13), "stop": str(2**64 + 14)},
    },
    "carmichael": {
        "whole": {"start": "1", "bound": "100000", "prefix": [], "low": "3", "high": "100000"},
        "prefix": {"start": "1", "bound": "10000000", "prefix": [7], "low": "11", "high": "20"},
        "start": {"start": "1105", "bound": "8911", "prefix": [], "low": "3", "high": "8911"},
        "empty": {"start": "1", "bound": "561", "prefix": [3, 11], "low": "13", "high": "561"},
    },
    "korselt": {
        "mixed": {
            "items": [
                {"n": "1105", "factors": [5, 13, 17]},
                {"n": "561", "factors": [3, 11, 17]},
                {"n": "561", "factors": [3, 11, 17]},
                {"n": "15", "factors": [3, 5]},
                {"n": "560", "factors": [3, 11, 17]},
                {"n": "99", "factors": [3, 3, 11]},
                {"n": "231", "factors": [3, 7, 11]},
                {"n": "1", "factors": [1, 1, 1]},
                {"n": "30", "factors": [2, 3, 5]},
                {"n": "165", "factors": [3, 5, 11]},
                {"n": "1729", "factors": [7, 13, 19]},
                {"n": "17865", "factors": [3, 5, 1191]},
                {"n": str(3 * 5 * _LARGE), "factors": [3, 5, str(_LARGE)]},
            ]
        },
        "claims": {
            "items": [
                {"n": "5049", "factors": [9, 17, 33]},
                {"n": "4961", "factors": [1, 11, 451]},
                {"n": "45", "factors": [1, 5, 9]},
                {
                    "n": str(_BEYOND * (2 * _BEYOND - 1) * (3 * _BEYOND - 2)),
                    "factors": [str(_BEYOND), str(2 * _BEYOND - 1), str(3 * _BEYOND - 2)],
                },
            ]
        },
        "none": {"items": []},
    },
    "carmichael-merge": {
        "two": {
            "bound": "10000",
            "items": [
                {"n": "1729", "factors": [7, 13, 19]},
                {"n": "561", "factors": [3, 11, 17]},
                {"n": "561", "factors": [3, 187]},
            ],
        },
        "small": {"bound": "999", "items": []},
    },
}


def kernels() -> Files:
    """Files under `kernels/`."""
    files: Files = {}
    for name, units in _UNITS.items():
        kernel = registry.get(name)
        for case, unit in units.items():
            result = kernel.run(unit, progress=lambda _: None, checkpoint=lambda _: None)
            raw = canonical_json(result)
            files[f"kernels/{name}.{case}.json"] = {
                "kernel": name,
                "version": kernel.version,
                "unit": unit,
                "result": result,
                "result_bytes": len(raw),
                "result_sha256": sha256_hex(raw),
            }
    return files
