"""Units and their results, byte for byte what every implementation must return."""

from __future__ import annotations

from typing import Any, Final

from newral_kernels import registry
from newral_kernels.kernel import Unit
from newral_kernels.psp2_domain import Domain, Factors
from newral_spec.canonical import canonical_json, sha256_hex
from spec_vectors.files import Files

_LARGE: Final = 9_007_199_254_740_997  # prime, and above 2^53 - 1: a string in JSON
_BEYOND: Final = 2**64 + 1  # less 1 it divides n - 1, whatever it is

# (6k+1)(12k+1)(18k+1) is a Carmichael number, and the last of its primes is above 2^64.
_K: Final = 2**60 + 330
_CHERNICK_FACTORS: Final = [str(6 * _K + 1), str(12 * _K + 1), str(18 * _K + 1)]
_CHERNICK: Final = str((6 * _K + 1) * (12 * _K + 1) * (18 * _K + 1))
_N_MINUS_1: Final = {"base": 2, "primes": [76_127_694_619]}
_CURVE: Final = {
    "trace": "-49372858",
    "cofactor": "649671024",
    "a": "0",
    "b": "1",
    "x": "13282407956253574712",
    "y": "4929340527685973611",
}
# (F + 1)(6F + 1) with F = 2^16·3^11: only the last rule of an N − 1 step refuses it.
_TWO_PRIMES: Final = 808_683_748_488_155_824_129
_CHAIN: Final = 4_869_940_435_459_321_630_063  # three steps: 22·p + 1 = q, 6·q + 1


def _certificate(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"n": _CHERNICK_FACTORS[2], "steps": list(steps)}


def _certified(*certificates: dict[str, Any]) -> dict[str, Any]:
    return {"n": _CHERNICK, "factors": _CHERNICK_FACTORS, "certificates": list(certificates)}


_CERTIFIED: Final = [
    {"n": _CHERNICK, "factors": _CHERNICK_FACTORS},
    _certified(_certificate(_CURVE)),
    _certified(_certificate(_N_MINUS_1)),
    _certified({"n": "101", "steps": []}, _certificate(_N_MINUS_1)),
]
_UNCERTIFIED: Final = [
    _certified({"n": str(2**64 + 13), "steps": [{"base": 2, "primes": ["658812288346769701"]}]}),
    *(
        _certified(_certificate(*steps))
        for steps in (
            [],
            [{**_N_MINUS_1, "base": 3}],
            [{**_N_MINUS_1, "primes": [2]}],
            [{**_N_MINUS_1, "primes": [2, *_N_MINUS_1["primes"]]}],
            [{**_N_MINUS_1, "primes": [_N_MINUS_1["primes"][0] + 2]}],
            [{**_CURVE, "y": str(18 * _K + 1 - int(_CURVE["y"]))}],
            [{**_CURVE, "x": "1"}],
            [{**_CURVE, "trace": "49372858"}],
            [{**_CURVE, "trace": str(2**34), "cofactor": "1"}],
            [{**_CURVE, "cofactor": str(2 * 649_671_024)}],
            [{**_CURVE, "cofactor": "1"}],
        )
    ),
]
_UNCERTIFIED.append(
    {
        "n": str(_TWO_PRIMES * (2 * _TWO_PRIMES - 1) * (3 * _TWO_PRIMES - 2)),
        "factors": [str(_TWO_PRIMES), str(2 * _TWO_PRIMES - 1), str(3 * _TWO_PRIMES - 2)],
        "certificates": [
            {"n": str(_TWO_PRIMES), "steps": [{"base": 11, "primes": [2, 3]}]},
            {"n": str(2 * _TWO_PRIMES - 1), "steps": []},
            {"n": str(3 * _TWO_PRIMES - 2), "steps": []},
        ],
    }
)
_CUNNINGHAM: Final = 180_868_411_173_855_991_792_926_719  # the last of 17 primes p, 2p + 1, …
_NUMBERS: Final = [
    *("2", "4", "561", "2047", str(2**64 - 59), str(2**64 + 13), str(2**66), str(2**67 - 1)),
    *(str(_CHAIN), str(_CUNNINGHAM), str(2**89 - 1), str(2**127 - 1)),
]


def _psp2(start: int, stop: int, low: int, high: int, factors: Factors = "any") -> Unit:
    return Domain(start, stop, low, high, factors).to_unit()


def _class(bound: int, discriminant: int = 5, sign: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "discriminant": discriminant,
        "sign": sign,
        "bound": str(bound),
        "cost_us": 1,
        "parts": 1,
        **more,
    }


_UNITS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "bpsw": {
        "one_leaf": {"start": str(2**64), "stop": str(2**64 + 2000)},
        "two_leaves": {"start": str(2**64 + 1), "stop": str(2**64 + 2**14 + 2)},
        "highest": {"start": str(2**127 - 1000), "stop": str(2**127)},
        "one_number": {"start": str(2**64 + 13), "stop": str(2**64 + 14)},
    },
    "bpsw-class": {
        "control": _class(10**6, start=7, stop=1000, most=1000, blocks=3, parts=2),
        "real": _class(10**6, sign=-1, start=3, stop=300, most=10**6, blocks=2),
        "list": _class(10**7, primes=[7, 11, 13], low=0, high=2**50, parts=4),
        "pieces": _class(3 * 10**6, primes=[7], low=1, high=2, parts=2),
        "other_discriminant": _class(10**5, -15, -1, start=3, stop=60, most=10**6, blocks=1),
        "wide": _class(10**22, sign=-1, start=2**22 + 48, stop=2**22 + 50, most=10**5, blocks=1),
    },
    "carmichael": {
        "whole": {"start": "1", "bound": "100000", "prefix": [], "low": "3", "high": "100000"},
        "prefix": {"start": "1", "bound": "1000000", "prefix": [7], "low": "11", "high": "20"},
        "start": {"start": "1105", "bound": "8911", "prefix": [], "low": "3", "high": "8911"},
        "empty": {"start": "1", "bound": "561", "prefix": [3, 11], "low": "13", "high": "561"},
        "segments": {
            "start": "19999950000",
            "bound": "20000000000",
            "prefix": [3],
            "low": "60000",
            "high": "70000",
        },
        "preproducts": {
            "start": "100000",
            "bound": str(10**24),
            "preproduct_low": "3",
            "preproduct_high": "60",
        },
        # With preproducts that are completed by cofactors.
        "cofactors": {
            "start": "9456300000",
            "bound": "9456400000",
            "prefix": [31],
            "low": "37",
            "high": "90",
        },
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
        "certified": {"items": _CERTIFIED},
        "uncertified": {"items": _UNCERTIFIED},
    },
    "factor": {
        "mixed": {"items": _NUMBERS},
        "none": {"items": []},
    },
    "prime-certificate": {
        "mixed": {"items": _NUMBERS},
        "none": {"items": []},
    },
    "psp2": {
        "whole": _psp2(1, 20000, 3, 142),
        "by_terms": _psp2(1, 4_000_000, 11, 14),
        "by_primes": _psp2(4 * 10**9, 41 * 10**8, 40_000, 73_000),
        "beyond_2_64": _psp2(19602516850000000000, 19602516870000000000, 41_515, 41_520),
        "square": _psp2(1194649, 1194650, 1093, 1094),
        "empty": _psp2(342, 400, 3, 20),
        "two_factors": _psp2(1, 300_000, 3, 30, "two"),
        "more_factors": _psp2(1, 1_000_000, 3, 102, "more"),
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
